import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { perceptualFeatures, type VisionTransformer, withPictureSize } from "@peco/models";
import { loadPerceptualNetwork, loadPerceptualVit, tensorsOf } from "@peco/training";
import { random, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor } from "../../../libs/training/test/untrained-store.ts";
import { perceptualNetworkStage } from "./index.ts";

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-features-"));
  store = await Store.open(folder, { create: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The digest of a network as it was drawn, with changes to the recipe. */
async function untrained(...sets: string[]): Promise<string> {
  const recipe = shortRecipe("perceptualNetwork.source=untrained", ...sets);
  const spec = specFor("perceptual-network", { store: folder, recipe, inputs: {} });
  return (await runHere(perceptualNetworkStage, spec)).artifact;
}

const pictures = (size: number) => random.uniform(random.key(1), [2, size, size, 3], -20, 280) as tf.Tensor4D;

describe("the features of a perceptual network", () => {
  it.each(["sincos", "learned", "relative"])("follow the size of pictures, with %s positions", async (positions) => {
    const digest = await untrained(`vit.positions=${positions}`);
    const before = tf.memory().numTensors;
    {
      using network = await loadPerceptualVit(store, digest);
      const { config, weights } = network;
      tf.tidy(() => {
        for (const size of [config.size, 48]) {
          const resized = withPictureSize(weights, config, { ...config, size }, "timm-linear");
          const vit = tensorsOf<VisionTransformer>(resized);
          const expected = perceptualFeatures(vit, { ...config, size }, [1, 2])(pictures(size));
          const found = network.features([1, 2])(pictures(size));
          expect(found.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
          for (const [i, layer] of found.entries()) expect(layer.dataSync()).toEqual(expected[i]?.dataSync());
        }
      });
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("see pictures as the network was trained to, not as the recipe of who compares them says", async () => {
    const [one, other] = [await untrained(), await untrained("image.mean=[0.1, 0.2, 0.3]", "image.std=[1, 1, 1]")];
    using first = await loadPerceptualNetwork(store, one);
    using second = await loadPerceptualNetwork(store, other);
    expect(second.preprocessing).toMatchObject({ mean: [0.1, 0.2, 0.3], std: [1, 1, 1] });
    const distance = tf.tidy(() => {
      const [a] = first.features([1])(pictures(32));
      // what the second network's preparation makes of these pictures is what the first's makes of the others
      const [mean, std] = [tf.tensor1d([0.1, 0.2, 0.3]), tf.tensor1d([1, 1, 1])];
      const same = tf.mul(tf.add(tf.mul(tf.div(tf.sub(tf.div(pictures(32), 255), 0.5), 0.25), std), mean), 255);
      const [b] = second.features([1])(same as tf.Tensor4D);
      return tf.max(tf.abs(tf.sub(a as tf.Tensor, b as tf.Tensor))).arraySync() as number;
    });
    expect(distance).toBeLessThan(1e-4);
  });
});
