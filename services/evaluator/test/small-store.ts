import { type Manifest, Store } from "@peco/artifacts";
import {
  encode,
  initClassifier,
  initMaskedModel,
  initVqAutoencoder,
  type MaskedModel,
  type VisionTransformerConfig,
  type VqAutoencoder,
} from "@peco/models";
import type { Linear } from "@peco/nn";
import { fold, key, stream } from "@peco/random";
import { checkRecipe, loadRecipe, type Recipe } from "@peco/recipes";
import { vqTokenizerConfig } from "@peco/training";
import { encodeSafetensors, flatten, type HostArray, random, type Tree, tf } from "tfjs-libtensorflow";

export const CLASSES = ["dark", "bright", "odd"];
/** No multiples of the batch of 32, so that last batches are filled up. */
export const COUNTS = { train: 40, validation: 30, test: 75 };
export const CODES = 8;

/** The tiny recipe; its `evaluate` goes in batches of 32. */
export const recipe: Recipe = checkRecipe(
  loadRecipe("tiny", {
    sets: ["evaluate.batch=32", "evaluate.pictures=5", "evaluate.probe.labels=40", `codebook.size=${CODES}`],
  }).recipe,
);
export const vit: VisionTransformerConfig = { ...recipe.image, ...recipe.vit };

/** The digests of everything that an evaluation takes. */
export interface SmallStore {
  readonly store: Store;
  readonly inputs: Record<string, string>;
  /** The pictures of the test split, `[size, size, 3]` each, and their classes. */
  readonly test: { picture: Uint8Array; label: number | null }[];
}

/**
 * A store with pictures that are dark, bright or neither, and with networks that were never trained: what they say is known beforehand.
 * The pre-trained network says code 3 for every patch; fine-tuned networks of the first learning rate say class 0, of the second class 1.
 */
export async function smallStore(folder: string, options: { flat?: boolean } = {}): Promise<SmallStore> {
  const store = await Store.open(folder, { create: true });
  const { digest: data, test, pixels } = await publishPictures(store, options.flat ?? false);
  const seed = random.key(5);
  const autoencoder = initVqAutoencoder(
    { ...recipe.codebook, width: recipe.codebook.width },
    random.fold(seed, "autoencoder"),
  );
  const vectors = codesOf(autoencoder, pixels);
  const codebook = { vectors, counts: tf.ones([CODES]), sums: tf.clone(vectors) };
  const tokenizer = await publishModel(
    store,
    "tokenizer",
    { autoencoder, codebook },
    vqTokenizerConfig(recipe.codebook),
  );
  const model: MaskedModel = initMaskedModel(random.fold(seed, "pretrained"), vit, CODES);
  const pretrained = await publishModel(
    store,
    "pretrained-vit",
    { vit: model.vit, head: saying(model.head, 3) },
    { ...vit },
  );
  const perceptualNetwork = await publishModel(store, "perceptual-network", model.vit, { ...vit });
  const inputs: Record<string, string> = { data, perceptualNetwork, tokenizer, pretrained };
  if (options.flat !== true) {
    const networks = [0, 0, 1, 1].map((label, i) => {
      const classifier = initClassifier(random.fold(seed, "classifier", i), vit, { classes: CLASSES.length });
      return { ...classifier, head: saying(classifier.head, label) };
    });
    const validated = [0.2, 0.3, 0.6, 0.5].map((validation, i) => ({
      lr: i < 2 ? 0.001 : 0.002,
      repeat: (i % 2) + 1,
      validation,
      best: { step: 6, validation },
      average: null,
    }));
    const arm = (count: number, lr: number) =>
      publishModel(
        store,
        "classifier",
        { networks: networks.slice(0, count) },
        { vit, classes: CLASSES, lr, networks: validated.slice(0, count) },
      );
    inputs["classifier"] = await arm(4, 0.002);
    inputs["classifierFromScratch"] = await arm(2, 0.001);
  }
  return { store, inputs, test };
}

/** A tokenizer of clusters of the perceptual network's features, which has no decoder. `blind`: it says code 0 for everything. */
export async function publishClusters(
  { store, inputs: { perceptualNetwork } }: SmallStore,
  { blind = false } = {},
): Promise<string> {
  const { width } = recipe.vit;
  const vectors = blind ? tf.zeros([CODES, width]) : random.normal(random.key(6), [CODES, width]);
  const config = {
    source: "feature-kmeans",
    layer: 1,
    norm: "layernorm",
    unitLength: false,
    side: 4,
    width,
    codes: CODES,
  };
  const inputs = { perceptualNetwork: perceptualNetwork as string };
  return publishModel(store, "tokenizer", { codebook: { vectors } }, config, inputs);
}

/** Latents of some training pictures as codes, so that others are met as well: `[CODES, width]`. */
function codesOf(autoencoder: VqAutoencoder, pixels: Uint8Array): tf.Tensor2D {
  return tf.tidy(() => {
    const { size } = recipe.image;
    const pictures = tf.tensor4d(Array.from(pixels.subarray(0, CODES * size * size * 3)), [CODES, size, size, 3]);
    const latents = tf.reshape(encode(autoencoder, pictures, recipe.image), [-1, recipe.codebook.width]);
    return tf.gather(
      latents,
      Array.from({ length: CODES }, (_, i) => i * 16 + i),
    ) as tf.Tensor2D;
  });
}

/** A linear layer that gives the largest score to output `chosen`, whatever comes in. */
function saying(head: Linear, chosen: number): Linear {
  const [, outputs] = head.weight.shape;
  return {
    weight: tf.zerosLike(head.weight),
    bias: tf.cast(tf.oneHot(tf.scalar(chosen, "int32"), outputs) as tf.Tensor1D, "float32"),
  };
}

async function publishModel(
  store: Store,
  kind: string,
  tree: object,
  config: object,
  inputs: Record<string, string> = {},
): Promise<string> {
  const leaves: Record<string, HostArray> = {};
  for (const [path, tensor] of flatten(tree as Tree<tf.Tensor>)) {
    leaves[path] = { dtype: "float32", shape: tensor.shape, data: Float32Array.from(await tensor.data()) };
  }
  const { size, mean, std } = recipe.image;
  return store.publish({
    kind,
    blobs: { "weights.safetensors": await store.putBlob(encodeSafetensors(leaves)) },
    inputs,
    meta: { config, preprocessing: { size, mean, std } } as unknown as Manifest["meta"],
  });
}

async function publishPictures(store: Store, flat: boolean) {
  const { size } = recipe.image;
  const splits = Object.entries(COUNTS).flatMap(([split, count]) => new Array<string>(count).fill(split));
  const pixels = new Uint8Array(splits.length * size * size * 3);
  const test: SmallStore["test"] = [];
  const pictures = splits.map((split, place) => {
    const s = stream(fold(key(2), place));
    const label = place % 5 < 3 ? 1 : place % 2 === 0 ? 0 : 2;
    const light = label === 0 ? 40 : label === 1 ? 200 : s.uniform(40, 200);
    const picture = pixels.subarray(place * size * size * 3, (place + 1) * size * size * 3);
    for (let i = 0; i < picture.length; i++)
      picture[i] = light + s.uniform(-30, 30) + (label === 2 ? 20 * Math.sin(i) : 0);
    if (split === "test") test.push({ picture, label: flat ? null : label });
    return {
      name: `${place}.png`,
      hash: place.toString(16).padStart(64, "0"),
      label: flat ? null : label,
      split,
      labelled: !flat,
    };
  });
  const index = {
    format: 1,
    side: size,
    classes: flat ? [] : CLASSES,
    pictures,
    skipped: [],
    copies: { files: 0, acrossSplits: 0, acrossClasses: 0 },
  };
  const blobs = {
    "pictures.u8": await store.putBlob(pixels),
    "index.json": await store.putBlob(new TextEncoder().encode(JSON.stringify(index))),
  };
  return { digest: await store.publish({ kind: "data", blobs, inputs: {}, meta: {} }), test, pixels };
}
