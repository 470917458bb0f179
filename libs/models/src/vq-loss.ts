import { meanSquaredError, type Normalisation } from "@peco/nn";
import { autocast, tf } from "tfjs-libtensorflow";
import { type CodeKind, quantise } from "./codebook.ts";
import { unitRows } from "./moco-loss.ts";
import { type FeatureDistance, featureDistances, meanOverLayers } from "./perceptual-loss.ts";
import { decode, encode, type VqAutoencoder } from "./vq-autoencoder.ts";
import { withoutGradient } from "./without-gradient.ts";

/** What the reconstruction is judged by; the names are those of a recipe's `codebook.loss`. */
export interface ReconstructionLossOptions extends FeatureDistance {
  /** Weight of the pixel error. */
  readonly pixel: number;
  /** 1: absolute error, 2: squared error, of pictures in [0, 1]. */
  readonly pixelPower: 1 | 2;
  /** The pixel error that counts as 1. */
  readonly pixelVariance: number;
  /** Weight of the perceptual loss; 0 leaves the perceptual network out. */
  readonly perceptual: number;
}

/** Weights of the autoencoder's loss; the names are those of a recipe's `codebook`. */
export interface VqLossOptions extends CodeKind {
  readonly loss: ReconstructionLossOptions;
  /** Weight beta of the commitment term. */
  readonly commitment: number;
  /** Weight of the term that moves codes which are learned. */
  readonly codebookWeight: number;
}

/** Features of pictures with values 0..255, [batch, height, width, 3]: one [batch, tokens, width] for each compared layer. */
export type Features = (pictures: tf.Tensor4D) => readonly tf.Tensor3D[];

/** What an autoencoder is trained: its own parameters, and the codes where they are learned. */
export type VqParameters = { readonly autoencoder: VqAutoencoder; readonly vectors: tf.Tensor2D };

/** A picture through the autoencoder. */
export interface Reconstructed {
  /** Around 0..255, [batch, height, width, 3]. */
  readonly reconstruction: tf.Tensor4D;
  /** The nearest codes, straight through, [batch, rows, columns, width]. */
  readonly quantised: tf.Tensor4D;
  /** Latents of the batch, [batch * rows * columns, width], and the code of each, int32. */
  readonly latents: tf.Tensor2D;
  readonly indices: tf.Tensor1D;
  readonly commitment: tf.Scalar;
  readonly codebook: tf.Scalar | null;
}

/** Encodes, quantises and decodes pictures with values 0..255. */
export function reconstruct(
  { autoencoder, vectors }: VqParameters,
  pictures: tf.Tensor4D,
  { codes, unitLength }: CodeKind,
  normalisation: Normalisation,
): Reconstructed {
  const grid = encode(autoencoder, pictures, normalisation);
  const rows = tf.reshape<tf.Rank.R2>(grid, [-1, grid.shape[3]]);
  const latents = unitLength ? unitRows(rows) : rows;
  const learned = codes === "gradient";
  const book = unitLength && learned ? unitRows(vectors) : vectors;
  const { indices, quantised: flat, commitment, codebook } = quantise(latents, book, { learned });
  const quantised = tf.reshape<tf.Rank.R4>(flat, grid.shape);
  return {
    reconstruction: decode(autoencoder, quantised, normalisation),
    quantised,
    latents,
    indices,
    commitment,
    codebook,
  };
}

/** The terms by which a reconstruction is judged, before their weights. */
export interface ReconstructionTerms {
  readonly pixel: tf.Scalar;
  readonly perceptual: tf.Scalar;
  /** The perceptual distance at each layer; none where there is no perceptual loss. */
  readonly layers: readonly tf.Scalar[];
}

/** Pixel error and perceptual distance of a reconstruction from its original, both 0..255. */
export function reconstructionTerms(
  reconstruction: tf.Tensor4D,
  original: tf.Tensor4D,
  features: Features,
  options: ReconstructionLossOptions,
): ReconstructionTerms {
  const pixel = autocast("float32", () =>
    options.pixelPower === 2
      ? tf.div<tf.Scalar>(meanSquaredError(reconstruction, original), 255 ** 2 * options.pixelVariance)
      : tf.div<tf.Scalar>(tf.mean(tf.abs(tf.sub(reconstruction, original))), 255 * options.pixelVariance),
  );
  if (options.perceptual === 0) return { pixel, perceptual: tf.scalar(0), layers: [] };
  const layers = featureDistances(features(reconstruction), features(original), options);
  return { pixel, perceptual: meanOverLayers(layers, options.layerWeights), layers };
}

/** The terms of the loss times their weights. @param balance factor of the perceptual weight, if any */
export function weightedTerms(
  { pixel, perceptual }: ReconstructionTerms,
  options: ReconstructionLossOptions,
  balance: tf.Scalar | null = null,
): tf.Scalar[] {
  const judged = tf.mul<tf.Scalar>(perceptual, options.perceptual);
  return [tf.mul(pixel, options.pixel), balance === null ? judged : tf.mul(judged, balance)];
}

/**
 * The factor of the perceptual weight that makes both losses alike at the first step (SMAE: the ratio of the two initial losses):
 * `held`, or where that is 0 the ratio of these terms. No gradient flows through it.
 */
export function firstRatio(held: tf.Scalar, { pixel, perceptual }: ReconstructionTerms): tf.Scalar {
  return withoutGradient(() => tf.where<tf.Scalar>(tf.greater(held, 0), held, tf.div(pixel, perceptual)));
}

/** Commitment and codebook terms times their weights. */
export function weightedCodeTerms(
  { commitment, codebook }: Pick<Reconstructed, "commitment" | "codebook">,
  options: Pick<VqLossOptions, "commitment" | "codebookWeight">,
): tf.Scalar[] {
  const pull = tf.mul<tf.Scalar>(commitment, options.commitment);
  return codebook === null ? [pull] : [pull, tf.mul(codebook, options.codebookWeight)];
}

/** The loss, its terms before their weights, and what the codebook's update needs. */
export interface VqLoss extends ReconstructionTerms {
  readonly loss: tf.Scalar;
  readonly commitment: tf.Scalar;
  readonly codebook: tf.Scalar | null;
  /** `firstRatio`, where one was asked for. */
  readonly balance: tf.Scalar | null;
  readonly latents: tf.Tensor2D;
  readonly indices: tf.Tensor1D;
}

/**
 * w_pix E(x, x') / variance + w_perc D(F(x), F(x')) + beta commitment (+ the codebook term of learned codes), x' being the
 * reconstruction through the nearest codes. Through the frozen perceptual network gradients flow into its input x' alone.
 * @param pictures x, values 0..255, [batch, height, width, 3]
 * @param options.balance what `firstRatio` holds; left out, the perceptual weight is taken as it is
 */
export function vqLoss(
  params: VqParameters,
  pictures: tf.Tensor4D,
  features: Features,
  options: VqLossOptions & { readonly normalisation: Normalisation; readonly balance?: tf.Scalar | undefined },
): VqLoss {
  const original = tf.cast(pictures, "float32");
  const { reconstruction, commitment, codebook, latents, indices } = reconstruct(
    params,
    original,
    options,
    options.normalisation,
  );
  const terms = reconstructionTerms(reconstruction, original, features, options.loss);
  const balance = options.balance === undefined ? null : firstRatio(options.balance, terms);
  const weighted = [
    ...weightedTerms(terms, options.loss, balance),
    ...weightedCodeTerms({ commitment, codebook }, options),
  ];
  return { loss: tf.addN(weighted), ...terms, commitment, codebook, balance, latents, indices };
}
