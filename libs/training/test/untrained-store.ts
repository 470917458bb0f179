import { readFileSync } from "node:fs";
import { digestOf, type Manifest, Store, sha256 } from "@peco/artifacts";
import { initMaskedModel, initVisionTransformer, initVqAutoencoder, startCodebook } from "@peco/models";
import { fold, key, stream } from "@peco/random";
import { loadRecipe, type Recipe, type StageName, stageGraph, stageKeyParts } from "@peco/recipes";
import { executeStage, type Outcome, type Stage, type StageProgress, type StageSpec } from "@peco/stage";
import { createLogger } from "@peco/telemetry";
import { configure, encodeSafetensors, flatten, type HostArray, random, type Tree, tf } from "tfjs-libtensorflow";
import { vqTokenizerConfig } from "../src/tokenizer-model.ts";

/** Classes of the pictures: each has its own brightness, so that there is something to learn. */
export const classes = ["dark", "middling", "bright"];

/** The recipe `tiny` with few steps. */
export function shortRecipe(...sets: string[]): Recipe {
  const few = ["pretrain.steps=8", "finetune.steps=6", "codebook.size=16", "evaluate.batch=16"];
  return loadRecipe("tiny", { sets: [...few, ...sets] }).recipe;
}

/** A store with labelled pictures and untrained networks: tokenizer, pre-trained and perceptual one, by input name. */
export async function untrainedStore(folder: string, recipe: Recipe): Promise<Record<string, string>> {
  configure({ intraOpThreads: 1, interOpThreads: 1 });
  const store = await Store.open(folder, { create: true });
  const { width, size: codes } = recipe.codebook;
  const vit = { ...recipe.image, ...recipe.vit };
  const models = tf.tidy(() => {
    const vectors = random.normal(random.key(1), [codes, width]) as tf.Tensor2D;
    return {
      tokenizer: {
        autoencoder: initVqAutoencoder(recipe.codebook, random.key(2)),
        codebook: startCodebook(vectors, 1),
      },
      pretrained: initMaskedModel(random.key(3), vit, codes),
      perceptualNetwork: initVisionTransformer(random.key(4), vit, "encoder"),
    } as unknown as Record<"tokenizer" | "pretrained" | "perceptualNetwork", tf.TensorContainerObject>;
  });
  const inputs = {
    data: await publishPictures(store, recipe.image.size),
    tokenizer: await publish(store, recipe, "tokenizer", models.tokenizer, vqTokenizerConfig(recipe.codebook)),
    pretrained: await publish(store, recipe, "pretrained-vit", models.pretrained, vit),
    perceptualNetwork: await publish(store, recipe, "perceptual-network", models.perceptualNetwork, vit),
  };
  tf.dispose(Object.values(models));
  return inputs;
}

async function publish(store: Store, recipe: Recipe, kind: string, tree: object, config: object): Promise<string> {
  const leaves: Record<string, HostArray> = {};
  for (const [path, tensor] of flatten(tree as Tree<tf.Tensor>)) {
    leaves[path] = { dtype: "float32", shape: tensor.shape, data: Float32Array.from(await tensor.data()) };
  }
  const { size, mean, std } = recipe.image;
  const blobs = { "weights.safetensors": await store.putBlob(encodeSafetensors(leaves)) };
  const meta = { config, preprocessing: { size, mean, std } } as unknown as Manifest["meta"];
  return store.publish({ kind, blobs, inputs: {}, meta });
}

async function publishPictures(store: Store, size: number): Promise<string> {
  const splits = ["train", "validation", "test"].flatMap((split, i) =>
    new Array<string>([48, 20, 9][i] as number).fill(split),
  );
  const bytes = size * size * 3;
  const pixels = new Uint8Array(splits.length * bytes);
  const pictures = splits.map((split, place) => {
    const label = place % classes.length;
    const draws = stream(fold(key(7), place));
    for (let i = 0; i < bytes; i++) pixels[place * bytes + i] = 60 + 60 * label + draws.uniform(-50, 50);
    const hash = place.toString(16).padStart(64, "0");
    return { name: `${place}.png`, hash, label, split, labelled: true };
  });
  const copies = { files: 0, acrossSplits: 0, acrossClasses: 0 };
  const index = { format: 1, side: size, classes, pictures, skipped: [], copies };
  const blobs = {
    "pictures.u8": await store.putBlob(pixels),
    "index.json": await store.putBlob(new TextEncoder().encode(JSON.stringify(index))),
  };
  return store.publish({ kind: "data", blobs, inputs: {}, meta: {} });
}

/** The specification of one stage of a run with seed 1, on one thread; a file of weights that it reads is hashed. */
export function specFor(
  name: StageName,
  options: { store: string; recipe: Recipe; inputs: Record<string, string>; preflight?: boolean } & Pick<
    Partial<StageSpec>,
    "masking"
  >,
): StageSpec {
  const { store, recipe, preflight = false, masking = null } = options;
  const stage = stageGraph(recipe, { labelled: true, source: "folder" }).find((one) => one.name === name);
  if (stage === undefined) throw new Error(`there is no stage ${name}`);
  const inputs = Object.fromEntries(Object.keys(stage.inputs).map((input) => [input, options.inputs[input] ?? ""]));
  const { weights } = stage;
  const digests = weights === null ? inputs : { ...inputs, weights: sha256(readFileSync(weights)) };
  const parts = {
    ...stageKeyParts(stage, digests, 1n),
    ...(preflight && { preflight }),
  } as unknown as StageSpec["parts"];
  const own = { stage: name, key: digestOf(parts), parts, inputs, preflight, masking, store };
  const rest = {
    run: "test",
    recipe: recipe as unknown as StageSpec["recipe"],
    seed: 1n,
    threads: 1,
    folder: null,
    weights,
  };
  return { ...own, ...rest };
}

/** Runs a stage in this process; `onEvent` may stop it by aborting. */
export function runHere(
  stage: Stage,
  spec: StageSpec,
  options: { onEvent?: (event: StageProgress) => void; signal?: AbortSignal } = {},
): Promise<Outcome> {
  return executeStage(stage, spec, {
    emit: (event) => {
      if (event.kind !== "cache") options.onEvent?.(event);
    },
    signal: options.signal ?? new AbortController().signal,
    log: createLogger("test", { level: "silent" }),
  });
}
