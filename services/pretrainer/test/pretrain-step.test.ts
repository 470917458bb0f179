import { encodeTokens, initVqAutoencoder } from "@peco/models";
import { wholeStep } from "@peco/training";
import { type HostArray, jit, random, type tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { drawnBatch, expectSameCompiledAndEager } from "../../../libs/training/test/compiled-and-eager.ts";
import { distance, expectSameInParts, rowsOf, stepped } from "../../../libs/training/test/in-parts.ts";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { initPretraining, type PretrainOptions, pretrainStep } from "../src/index.ts";

const recipe = shortRecipe();
const patches = (recipe.image.size / recipe.image.patch) ** 2;
const pictures = { shape: [4, recipe.image.size, recipe.image.size, 3], values: 256 };

function options(change: Partial<PretrainOptions> = {}): PretrainOptions {
  const autoencoder = initVqAutoencoder(recipe.codebook, random.key(2));
  const vectors = random.normal(random.key(3), [16, recipe.codebook.width]) as tf.Tensor2D;
  return {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: recipe.pretrain,
    dropPath: 0,
    precision: "float32",
    recompute: "none",
    tokenizer: { codes: 16, tokenise: (views) => encodeTokens(autoencoder, vectors, views, recipe.image) },
    ...change,
  };
}

/** As many ones in each row as the recipe masks. */
function batch() {
  const drawn = drawnBatch({ view1: pictures, view2: pictures });
  const mask = new Uint8Array(4 * patches);
  for (let row = 0; row < 4; row++) {
    for (let i = 0; i < recipe.pretrain.mask.count; i++) mask[row * patches + ((row + 2 * i) % patches)] = 1;
  }
  return { ...drawn, mask: { dtype: "uint8" as const, shape: [4, patches], data: mask } };
}

describe("a step of pre-training", () => {
  const beit = {
    ...recipe.image,
    ...recipe.vit,
    positions: "relative",
    init: "beit",
    layerScale: 0.1,
    keyBias: false,
  } as const;
  const cases: [string, PretrainOptions, "graph" | "xla", number][] = [
    ["graph", options(), "graph", 1e-5],
    ["xla", options({ vit: { ...recipe.image, ...recipe.vit, depth: 1 } }), "xla", 1e-5],
    ["graph, as BEiT, with drop path", options({ vit: beit, dropPath: 0.3 }), "graph", 1e-5],
    ["graph, pixels", options({ tokenizer: null }), "graph", 1e-5],
    ["graph, blocks computed again", options({ vit: beit, dropPath: 0.3, recompute: "blocks" }), "graph", 1e-5],
    ["graph in bfloat16", options({ precision: "bfloat16" }), "graph", 1e-2],
  ];
  for (const [name, chosen, compiler, tolerance] of cases) {
    it(`gives compiled (${name}) what it gives eagerly`, async () => {
      const initial = initPretraining(chosen, random.key(4));
      await expectSameCompiledAndEager(
        jit(wholeStep(pretrainStep(chosen)), { name, compiler }),
        initial,
        batch(),
        tolerance,
      );
    });
  }

  for (const [name, changes] of [
    ["shared relative positions", { vit: beit, dropPath: 0.3 }],
    ["fixed positions", {}],
  ] as const) {
    it(`gives the same gradients when blocks are computed again: ${name}`, async () => {
      const initial = initPretraining(options(changes), random.key(4));
      const given = async (recompute: "none" | "blocks") =>
        (await stepped(pretrainStep(options({ ...changes, recompute })), initial, batch(), { division: null })).given;
      expect(distance(await given("blocks"), await given("none")).largest).toBeLessThan(1e-6);
    });
  }

  const parts = { batch: 4, microBatch: 1, mixGroup: null };
  const of4 = { ...recipe.pretrain, batch: 4 };
  /** Two pictures with fewer masked patches, so that means of parts differ from the mean over all. */
  const uneven = () => {
    const whole = batch();
    whole.mask.data.fill(0, 0, patches - 1).fill(0, 2 * patches, 3 * patches - 2);
    whole.mask.data[0] = 1;
    whole.mask.data[2 * patches] = 1;
    return whole;
  };

  for (const [name, chosen] of [
    ["tokens", options({ recipe: of4 })],
    ["tokens, as BEiT, with drop path", options({ vit: beit, dropPath: 0.5, recipe: of4 })],
    ["pixels", options({ tokenizer: null, recipe: of4 })],
  ] as const) {
    it(`gives in parts what it gives of the whole batch: ${name}`, async () => {
      await expectSameInParts(pretrainStep(chosen), initPretraining(chosen, random.key(4)), uneven(), parts);
    });
  }

  it("takes the mean of the parts' means, as BEiT's ranks do, where the recipe says so", async () => {
    const chosen = options({ recipe: { ...of4, lossMean: "micro-batches" } });
    const initial = initPretraining(chosen, random.key(4));
    const alone: Record<string, HostArray>[] = [];
    for (const place of [0, 1, 2, 3]) {
      const data = rowsOf(uneven(), Int32Array.of(place));
      alone.push((await stepped(pretrainStep(chosen), initial, data, { division: null })).given);
    }
    const { given } = await stepped(pretrainStep(chosen), initial, uneven(), { division: parts });
    const path = "means.grad.head.weight";
    const rows = alone.map((one) => (one[path] as HostArray).data as Float32Array);
    const mean = (rows[0] as Float32Array).map((_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / 4);
    const wanted = { [path]: { ...given[path], data: mean } as HostArray };
    expect(distance({ [path]: given[path] as HostArray }, wanted).largest).toBeLessThan(1e-5);
    const overAll = options({ recipe: of4 });
    const other = await stepped(pretrainStep(overAll), initial, uneven(), { division: parts });
    expect(distance({ [path]: other.given[path] as HostArray }, wanted).largest).toBeGreaterThan(1e-2);
  });
});
