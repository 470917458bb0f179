import type { Store } from "@peco/artifacts";
import {
  type Codebook,
  type DallEEncoder,
  dallEEncoder,
  decodeTokens,
  encode,
  type FeatureNorm,
  type Features,
  nearestCodes,
  normaliseFeatures,
  unitRows,
  type VqAutoencoder,
} from "@peco/models";
import type { Recipe } from "@peco/recipes";
import type { HostArray } from "tfjs-libtensorflow";
import { tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { loadModel, type Preprocessing } from "./model-artifact.ts";
import { tensorsOf } from "./nested.ts";
import { loadPerceptualNetwork } from "./perceptual-network-model.ts";

const positive = z.int().positive();

/** `meta.config` of a `tokenizer`: where its tokens come from, and what that looks like. */
export const tokenizerConfig = z.discriminatedUnion("source", [
  z.strictObject({
    source: z.literal("vq"),
    channels: z.array(positive).min(1),
    blocks: z.enum(["plain", "vqgan"]),
    residualBlocks: z.int().nonnegative(),
    attention: z.boolean(),
    /** Whether latents and codes are divided by their lengths. */
    unitLength: z.boolean(),
    /** Width of a code. */
    width: positive,
    /** Number of codes. */
    codes: positive,
  }),
  z.strictObject({
    source: z.literal("feature-kmeans"),
    /** Block of the perceptual network whose features were clustered, from 1. The network is an input of the artifact. */
    layer: positive,
    norm: z.enum(["layernorm", "l2", "none"]),
    unitLength: z.boolean(),
    /** Tokens along a side of a picture. */
    side: positive,
    width: positive,
    codes: positive,
  }),
  z.strictObject({
    /** DALL-E's encoder, which has logits for its codes and no vectors. */
    source: z.literal("dall-e"),
    codes: positive,
  }),
]);
/** See {@link tokenizerConfig}. */
export type TokenizerConfig = z.infer<typeof tokenizerConfig>;
type VqConfig = Extract<TokenizerConfig, { source: "vq" }>;
type ClusterConfig = Extract<TokenizerConfig, { source: "feature-kmeans" }>;

/** The configuration of the autoencoder that a recipe asks for. */
export function vqTokenizerConfig(recipe: Recipe["codebook"]): VqConfig {
  const { channels, blocks, residualBlocks, attention, unitLength, width, size: codes } = recipe;
  return { source: "vq", channels, blocks, residualBlocks, attention, unitLength, width, codes };
}

/**
 * A tokenizer, frozen: a VQ autoencoder, or clusters of features. Its functions can be used inside a traced step, where its
 * weights become fixed inputs. What a kind of tokenizer does not have is null.
 */
export interface Tokenizer extends Disposable {
  readonly digest: string;
  readonly config: TokenizerConfig;
  /** `size` is `pictureSize`. */
  readonly preprocessing: Preprocessing;
  /** Number of codes. */
  readonly codes: number;
  /** Pixels along a side of the pictures that it takes. */
  readonly pictureSize: number;
  /** Tokens along a side of a picture of `pictureSize`. */
  readonly side: number;
  /** Tokens of pictures with values 0..255, [batch, height, width, 3]: int32 [batch, rows, columns]. */
  tokenise(pictures: tf.Tensor4D): tf.Tensor3D;
  /** What the nearest code is looked for, before it is replaced by the code: [batch, rows, columns, width]. */
  readonly latents: ((pictures: tf.Tensor4D) => tf.Tensor4D) | null;
  /** The codes, [codes, width]. */
  readonly vectors: tf.Tensor2D | null;
  /** Pictures that tokens stand for, values around 0..255 and not cut off. Null where there is no decoder. */
  readonly decode: ((tokens: tf.Tensor3D) => tf.Tensor4D) | null;
}

/** The tree of weights of a `tokenizer` that is a VQ autoencoder, as `publishModel` takes them. */
export type TokenizerWeights = { readonly autoencoder: VqAutoencoder; readonly codebook: Codebook };

/**
 * Loads a `tokenizer` artifact as tensors, which `dispose` frees.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadTokenizer(store: Store, digest: string): Promise<Tokenizer> {
  const { config, preprocessing, weights } = await loadModel(store, digest, ["tokenizer"], tokenizerConfig);
  if (config.source === "vq") return tokenizerOf(digest, config, preprocessing, weights);
  if (config.source === "dall-e") return dallETokenizer(digest, config, preprocessing, weights);
  const { inputs } = await store.manifest(digest);
  const network = await loadPerceptualNetwork(store, inputs["perceptualNetwork"] ?? "");
  const features = network.features([config.layer]);
  const { codebook } = tensorsOf<{ codebook: { vectors: tf.Tensor2D } }>(weights);
  const latents = clusteredFeatures(features, config);
  return {
    ...common(digest, config, preprocessing, config.side),
    ...searching(latents, codebook.vectors),
    decode: null,
    [Symbol.dispose]: () => {
      tf.dispose(codebook.vectors);
      network[Symbol.dispose]();
    },
  };
}

/** A tokenizer of weights by dotted path. */
export function tokenizerOf(
  digest: string,
  config: VqConfig,
  preprocessing: Preprocessing,
  weights: Readonly<Record<string, HostArray>>,
): Tokenizer {
  const { autoencoder, codebook } = tensorsOf<TokenizerWeights>(weights);
  const latents = (pictures: tf.Tensor4D) => {
    const grid = encode(autoencoder, pictures, preprocessing);
    return config.unitLength ? unitRows(grid) : grid;
  };
  return {
    ...common(digest, config, preprocessing, preprocessing.size / 2 ** config.channels.length),
    ...searching(latents, codebook.vectors),
    decode: (tokens) => decodeTokens(autoencoder, codebook.vectors, tokens, preprocessing),
    [Symbol.dispose]: () => {
      tf.dispose([autoencoder, codebook] as unknown as tf.TensorContainer);
    },
  };
}

/** DALL-E's encoder as a tokenizer: a code is the largest logit. */
function dallETokenizer(
  digest: string,
  config: TokenizerConfig,
  preprocessing: Preprocessing,
  weights: Readonly<Record<string, HostArray>>,
): Tokenizer {
  const encoder = tensorsOf<DallEEncoder>(weights);
  return {
    ...common(digest, config, preprocessing, preprocessing.size / dallEPixels),
    tokenise: (pictures) => dallEEncoder(encoder, pictures),
    latents: null,
    vectors: null,
    decode: null,
    [Symbol.dispose]: () => tf.dispose(encoder as unknown as tf.TensorContainer),
  };
}

/** Pixels along a side of what one of DALL-E's tokens stands for. */
const dallEPixels = 8;

/**
 * The vectors that `feature-kmeans` clusters: the last of the features, normalised, on its grid of places,
 * [batch, rows, columns, width]. Stage and tokenizer share it.
 */
export function clusteredFeatures(
  features: Features,
  { norm, unitLength }: { readonly norm: FeatureNorm; readonly unitLength: boolean },
): (pictures: tf.Tensor4D) => tf.Tensor4D {
  return (pictures) => {
    const tokens = normaliseFeatures(features(pictures).at(-1) as tf.Tensor3D, norm);
    const [batch, places, width] = tokens.shape;
    const side = Math.sqrt(places);
    return tf.reshape(unitLength ? unitRows(tokens) : tokens, [batch, side, side, width]);
  };
}

function common(digest: string, config: TokenizerConfig, preprocessing: Preprocessing, side: number) {
  return { digest, config, preprocessing, codes: config.codes, pictureSize: preprocessing.size, side };
}

/** Tokens by the nearest of some vectors. */
function searching(latents: (pictures: tf.Tensor4D) => tf.Tensor4D, vectors: tf.Tensor2D) {
  return {
    latents,
    vectors,
    tokenise: (pictures: tf.Tensor4D): tf.Tensor3D => {
      const grid = latents(pictures);
      const [batch, rows, columns, width] = grid.shape;
      return tf.reshape(nearestCodes(tf.reshape(grid, [-1, width]), vectors), [batch, rows, columns]);
    },
  };
}

/** What a tokenizer of clusters says about itself. */
export function clusterConfig(recipe: Recipe["codebook"], side: number, width: number): ClusterConfig {
  const { unitLength, size: codes, loss } = recipe;
  return {
    source: "feature-kmeans",
    layer: loss.layers.at(-1) as number,
    norm: loss.norm,
    unitLength,
    side,
    width,
    codes,
  };
}
