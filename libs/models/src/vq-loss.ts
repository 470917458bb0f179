import { meanSquaredError, type Normalisation } from "@peco/nn";
import { tf } from "tfjs-libtensorflow";
import { quantise } from "./codebook.ts";
import { type FeatureNorm, perceptualLoss } from "./perceptual-loss.ts";
import { decode, encode, type VqAutoencoder } from "./vq-autoencoder.ts";

/** Weights of the autoencoder's loss; the names are those of a recipe's `codebook`. */
export interface VqLossOptions {
  /** Weight of the pixel error. */
  readonly pixel: number;
  /** Mean squared pixel error (pictures in [0, 1]) that counts as 1. */
  readonly pixelVariance: number;
  /** Weight of the perceptual loss; 0 leaves the perceptual network out. */
  readonly perceptual: number;
  readonly norm: FeatureNorm;
  /** Weight beta of the commitment term. */
  readonly commitment: number;
}

/** Features of pictures with values 0..255, [batch, height, width, 3]: one [batch, tokens, width] for each compared layer. */
export type Features = (pictures: tf.Tensor4D) => readonly tf.Tensor3D[];

/** The loss, its terms before their weights, and what the codebook's update needs. */
export interface VqLoss {
  readonly loss: tf.Scalar;
  readonly pixel: tf.Scalar;
  readonly perceptual: tf.Scalar;
  readonly commitment: tf.Scalar;
  /** Latents of the batch, [batch * rows * columns, width], and the code of each, int32. */
  readonly latents: tf.Tensor2D;
  readonly indices: tf.Tensor1D;
}

/**
 * w_pix MSE(x, x') / variance + w_perc D(F(x), F(x')) + beta commitment, x' being the reconstruction through the
 * nearest codes. Through the frozen perceptual network gradients flow into its input x' alone.
 * @param pictures x, values 0..255, [batch, height, width, 3]
 */
export function vqLoss(
  autoencoder: VqAutoencoder,
  vectors: tf.Tensor2D,
  pictures: tf.Tensor4D,
  features: Features,
  options: VqLossOptions & { readonly normalisation: Normalisation },
): VqLoss {
  const original = tf.cast(pictures, "float32");
  const grid = encode(autoencoder, original, options.normalisation);
  const latents = tf.reshape<tf.Rank.R2>(grid, [-1, grid.shape[3]]);
  const { indices, quantised, commitment } = quantise(latents, vectors);
  const reconstruction = decode(autoencoder, tf.reshape(quantised, grid.shape), options.normalisation);
  const error = meanSquaredError(reconstruction, original);
  const pixel = tf.div<tf.Scalar>(error, 255 ** 2 * options.pixelVariance);
  const perceptual =
    options.perceptual === 0
      ? tf.scalar(0)
      : perceptualLoss(features(reconstruction), features(original), options.norm);
  const weighted: tf.Scalar[] = [
    tf.mul(pixel, options.pixel),
    tf.mul(perceptual, options.perceptual),
    tf.mul(commitment, options.commitment),
  ];
  return { loss: tf.addN(weighted), pixel, perceptual, commitment, latents, indices };
}
