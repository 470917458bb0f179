import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store, sha256 } from "@peco/artifacts";
import { exportWeights, initVisionTransformer, withPictureSize } from "@peco/models";
import { leaves } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import type { StageContext } from "@peco/stage";
import { configure, decodeSafetensors, encodeSafetensors, type HostArray, random, tf } from "tfjs-libtensorflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { initFinetuning, loadStartNetwork, type StartNetwork } from "../src/index.ts";

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

/** A store whose pre-trained network has a drawn table of relative positions where a fresh one has zeros. */
async function storeWithTable(recipe: Recipe): Promise<{ table: Float32Array; inputs: Record<string, string> }> {
  const inputs = await untrainedStore(store, recipe);
  const opened = await Store.open(store);
  const { kind, blobs, meta } = await opened.manifest(inputs["pretrained"] ?? "");
  const { tensors } = decodeSafetensors(await opened.artifactBlob(inputs["pretrained"] ?? "", "weights.safetensors"));
  const fresh = tensors["vit.relativePositions"] as HostArray<"float32">;
  const data = fresh.data.map((_, i) => Math.sin(1 + 7 * i));
  const bytes = encodeSafetensors({ ...tensors, "vit.relativePositions": { ...fresh, data } });
  const changed = { ...blobs, "weights.safetensors": await opened.putBlob(bytes) };
  return {
    table: data,
    inputs: { ...inputs, pretrained: await opened.publish({ kind, blobs: changed, inputs: {}, meta }) },
  };
}

/** What a stage of fine-tuning would start from, its weights on the host, and what it notes. */
async function started(
  recipe: Recipe,
): Promise<{ start: StartNetwork; weights: Record<string, HostArray>; notes: string[] }> {
  const spec = specFor("finetune", { store, recipe, inputs: await untrainedStore(store, recipe) });
  let start: StartNetwork | undefined;
  const notes: string[] = [];
  const before = tf.memory().numTensors;
  const reading = async (context: StageContext) => {
    start = await loadStartNetwork(context);
    return { artifact: spec.inputs["data"] ?? "", metrics: {} };
  };
  await runHere(reading, spec, { onEvent: (event) => event.kind === "note" && notes.push(event.text) });
  const found = leaves(start?.vit as never);
  expect(tf.memory().numTensors - before).toBe(found.length);
  const weights = Object.fromEntries(
    found.map(({ path, tensor }): [string, HostArray] => [
      path,
      { dtype: "float32", shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) },
    ]),
  );
  tf.dispose(found.map(({ tensor }) => tensor));
  return { start: start as StartNetwork, weights, notes };
}

/** Writes a network of the recipe's shape under timm's names or others made of them, and gives its weights under ours. */
async function writtenFile(
  recipe: Recipe,
  renamed: (file: Record<string, HostArray>) => Record<string, HostArray> = (file) => file,
): Promise<Record<string, HostArray>> {
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
  await writeFile(join(folder, "beit.safetensors"), encodeSafetensors(renamed(exportWeights(weights, shape).tensors)));
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

  const one: HostArray = { dtype: "float32", shape: [1], data: Float32Array.of(1) };
  const plain = ["positions=learned", "keyBias=true", "layerScale=0"].map((set) => `vit.${set}`);
  for (const [dialect, sets, renamed, licence] of [
    [
      "mocov3",
      plain,
      (file) => Object.fromEntries(Object.entries(file).map(([name, leaf]) => [`module.base_encoder.${name}`, leaf])),
      "CC BY-NC 4.0 (facebookresearch/moco-v3): not for commercial use",
    ],
    [
      "mae",
      plain,
      (file) => ({ ...file, "decoder_embed.weight": one, mask_token: one }),
      "CC BY-NC 4.0 (facebookresearch/mae): not for commercial use",
    ],
    ["timm-vit", plain, (file) => file, null],
    ["timm-beit", beit, (file) => file, null],
    ["beit", beit, (file) => ({ ...file, mask_token: one }), null],
  ] as [string, string[], (file: Record<string, HostArray>) => Record<string, HostArray>, string | null][]) {
    it(`says the licence of weights with the names of ${dialect}, or that it is unknown`, async () => {
      await writtenFile(shortRecipe(...sets), renamed);
      const { start, notes } = await started(shortRecipe(...fromFile(), ...sets));
      const digest = sha256(await readFile(join(folder, "beit.safetensors")));
      expect(start.origin).toEqual({ preset: dialect, digest, licence: licence ?? "unknown" });
      const words =
        licence === null
          ? `the licence of the weights of beit.safetensors is unknown: files of several publishers have its names (${dialect}); see where it came from`
          : `the weights of beit.safetensors (${dialect}) are under ${licence}`;
      expect(notes).toEqual([words]);
    });
  }

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

  it("gives every block the table of positions that the blocks of a pre-trained network share", async () => {
    const recipe = shortRecipe(...beit);
    const { table, inputs } = await storeWithTable(recipe);
    const spec = specFor("finetune", { store, recipe, inputs });
    let tables: (Float32Array | undefined)[] = [];
    await runHere(async (context) => {
      const { config: vit, vit: start } = await loadStartNetwork(context);
      const { precision, recompute } = recipe.runtime;
      const options = { vit, recipe: recipe.finetune, precision, recompute, classes: 3 };
      const state = initFinetuning(options, random.key(4), start);
      tables = state.classifier.vit.blocks.map(({ relativePositions }) => relativePositions?.dataSync<"float32">());
      tf.dispose([start, state] as unknown as tf.TensorContainer);
      return { artifact: inputs["data"] ?? "", metrics: {} };
    }, spec);
    expect(tables).toEqual(Array.from({ length: recipe.vit.depth }, () => table));
  });

  it("keeps the size of a pre-trained network, and resizes learned positions", async () => {
    const same = await started(shortRecipe("vit.positions=learned"));
    expect(same.notes).toEqual([]);
    expect(same.start).not.toHaveProperty("origin");
    const larger = await started(shortRecipe("vit.positions=learned", "data.form=encoded", "finetune.pictureSize=64"));
    expect(same.weights["positions"]?.shape).toEqual([1, 17, 32]);
    expect(larger.weights["positions"]?.shape).toEqual([1, 65, 32]);
    expect(larger.weights["blocks.0.mlp.in.weight"]).toEqual(same.weights["blocks.0.mlp.in.weight"]);
  });
});
