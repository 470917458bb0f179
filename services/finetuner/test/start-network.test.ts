import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportWeights, initVisionTransformer, withPictureSize } from "@peco/models";
import { leaves } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { configure, encodeSafetensors, type HostArray, random, tf } from "tfjs-libtensorflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { loadStartNetwork, type StartNetwork } from "../src/index.ts";

// As the stages of the tests do, before the first tensor.
configure({ intraOpThreads: 1, interOpThreads: 1 });

let folder: string;
let store: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-start-"));
  store = join(folder, "store");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const beit = ["positions=relative", "init=beit", "layerScale=0.1", "keyBias=false"].map((set) => `vit.${set}`);
const fromFile = () => [
  ...beit,
  "finetune.start=weights",
  `finetune.weights=${join(folder, "beit.safetensors")}`,
  "data.form=encoded",
];

/** What a stage of fine-tuning would start from, and its weights on the host. */
async function started(recipe: Recipe): Promise<{ start: StartNetwork; weights: Record<string, HostArray> }> {
  const spec = specFor("finetune", { store, recipe, inputs: await untrainedStore(store, recipe) });
  let start: StartNetwork | undefined;
  const before = tf.memory().numTensors;
  await runHere(async (context) => {
    start = await loadStartNetwork(context);
    return { artifact: spec.inputs["data"] ?? "", metrics: {} };
  }, spec);
  const found = leaves(start?.vit as never);
  expect(tf.memory().numTensors - before).toBe(found.length);
  const weights = Object.fromEntries(
    found.map(({ path, tensor }): [string, HostArray] => [
      path,
      { dtype: "float32", shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) },
    ]),
  );
  tf.dispose(found.map(({ tensor }) => tensor));
  return { start: start as StartNetwork, weights };
}

/** Writes a network of the recipe's shape under timm's names, and gives its weights under ours. */
async function writtenFile(recipe: Recipe): Promise<Record<string, HostArray>> {
  const config = { ...recipe.image, ...recipe.vit };
  const vit = initVisionTransformer(random.key(5), config, "encoder");
  const weights = Object.fromEntries(
    leaves(vit).map(({ path, tensor }, i): [string, HostArray] => {
      const data = Float32Array.from(tensor.dataSync(), (value, at) => value + Math.sin(i + at));
      return [path, { dtype: "float32", shape: tensor.shape, data }];
    }),
  );
  tf.dispose(vit as unknown as tf.TensorContainer);
  const shape = { vit: config, role: "encoder", pool: "mean", outputs: 0, tables: "shared", finalNorm: true } as const;
  await writeFile(join(folder, "beit.safetensors"), encodeSafetensors(exportWeights(weights, shape).tensors));
  return weights;
}

describe("the start of fine-tuning", () => {
  it("takes a file with timm's names, its network as it is", async () => {
    const wanted = await writtenFile(shortRecipe(...beit));
    const recipe = shortRecipe(...fromFile());
    const { start, weights } = await started(recipe);
    expect(start.config).toEqual({ ...recipe.image, ...recipe.vit });
    expect(weights).toEqual(wanted);
  });

  it("refuses a file whose network is not of the recipe's width, naming its tensors", async () => {
    await writtenFile(shortRecipe(...beit));
    await expect(started(shortRecipe(...fromFile(), "vit.width=64"))).rejects.toThrow("patch_embed.proj.weight");
  });

  for (const method of ["beit-cubic", "timm-linear"] as const) {
    it(`resizes positions to the pictures that it is fine-tuned with (${method})`, async () => {
      const small = await writtenFile(shortRecipe(...beit));
      const sets = ["finetune.pictureSize=48", `finetune.positionResize=${method}`];
      const { start, weights } = await started(shortRecipe(...fromFile(), ...sets));
      expect(start.config.size).toBe(48);
      const { image } = shortRecipe();
      expect(weights).toEqual(withPictureSize(small, image, { ...image, size: 48 }, method));
      expect(weights["relativePositions"]?.shape).not.toEqual(small["relativePositions"]?.shape);
    });
  }

  it("keeps the size of a pre-trained network, and resizes learned positions", async () => {
    const same = await started(shortRecipe("vit.positions=learned"));
    const larger = await started(shortRecipe("vit.positions=learned", "data.form=encoded", "finetune.pictureSize=64"));
    expect(same.weights["positions"]?.shape).toEqual([1, 17, 32]);
    expect(larger.weights["positions"]?.shape).toEqual([1, 65, 32]);
    expect(larger.weights["blocks.0.mlp.in.weight"]).toEqual(same.weights["blocks.0.mlp.in.weight"]);
  });
});
