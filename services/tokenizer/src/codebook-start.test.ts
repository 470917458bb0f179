import { type HostArray, random, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { batchesForStart } from "./codebook-start.ts";
import { firstCodebook, initAutoencoder } from "./index.ts";

/** Tokens of one of the recipe's pictures: 32 pixels by 8. */
const tokens = 16;
const batch = 8;

/** Pictures of so many parts a batch, by part, and which parts were asked for. */
function batchesIn(parts: number) {
  const asked: number[] = [];
  const at = async (part: number): Promise<{ images: HostArray }> => {
    asked.push(part);
    const each = batch / parts;
    const data = tf.tidy(() => {
      const key = random.fold(random.key(5), Math.floor(part / parts));
      const whole = random.uniform(key, [batch, 32, 32, 3], 0, 256);
      return tf.slice(whole, [(part % parts) * each, 0, 0, 0], [each, -1, -1, -1]).dataSync();
    });
    return { images: { dtype: "uint8", shape: [each, 32, 32, 3], data: Uint8Array.from(data) } };
  };
  return { at, asked };
}

async function codesOf(size: number, parts: number, ...sets: string[]) {
  const divided = parts === 1 ? "null" : String(batch / parts);
  const { codebook: recipe, image } = shortRecipe(
    ...[`codebook.size=${size}`, `codebook.batch=${batch}`, `codebook.microBatch=${divided}`],
    ...["codebook.restartBelow=0", ...sets],
  );
  const autoencoder = initAutoencoder(recipe, random.key(6));
  const batches = batchesIn(parts);
  const codebook = await firstCodebook(recipe, autoencoder, image, batches, tokens, random.key(7));
  const codes = { vectors: codebook.vectors.dataSync(), counts: codebook.counts.dataSync(), asked: batches.asked };
  tf.dispose([autoencoder, codebook] as unknown as tf.TensorContainer);
  return codes;
}

describe("the first codes", () => {
  it("ask for whole batches with four latents a code at least", () => {
    // a batch has 128 latents
    for (const [size, count] of [
      [2, 1],
      [32, 1],
      [33, 2],
      [64, 2],
      [100, 4],
    ] as const)
      expect(batchesForStart({ batch, size }, tokens), `${size} codes`).toBe(count);
  });

  it.each([
    ["a batch has latents enough, and so has a part of it", 8, 1],
    ["a batch has latents enough, a part of it has not", 24, 1],
    ["a batch has too few", 40, 2],
    ["a batch has fewer than there are codes", 150, 5],
  ])("are the same from parts of batches: %s", async (_, size, batches) => {
    for (const sets of [[], ["codebook.kmeansRounds=0"], ["codebook.unitLength=true", "codebook.smoothing=0"]]) {
      const whole = await codesOf(size, 1, ...sets);
      const parts = await codesOf(size, 4, ...sets);
      expect(whole.asked).toEqual([...Array(batches).keys()]);
      expect(parts.asked).toEqual([...Array(4 * batches).keys()]);
      const largest = Math.max(...whole.vectors.map(Math.abs));
      const apart = Math.max(...whole.vectors.map((number, i) => Math.abs(number - (parts.vectors[i] as number))));
      expect(apart / largest).toBeLessThan(1e-5);
      expect(parts.counts).toEqual(whole.counts);
    }
  });
});
