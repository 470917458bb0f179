import { meanSquaredError } from "@peco/nn";
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

/** Features of normalised pictures [batch, height, width, 3]: one [batch, tokens, width] for each compared layer. */
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
 * @param std deviation by which pictures [0, 1] were divided in normalisation, per channel: the pixel error is taken in [0, 1]
 */
export function vqLoss(
  autoencoder: VqAutoencoder,
  vectors: tf.Tensor2D,
  pictures: tf.Tensor4D,
  features: Features,
  options: VqLossOptions & { readonly std: readonly number[] },
): VqLoss {
  const grid = encode(autoencoder, pictures);
  const latents = tf.reshape<tf.Tensor2D>(grid, [-1, grid.shape[3]]);
  const { indices, quantised, commitment } = quantise(latents, vectors);
  const reconstruction = decode(autoencoder, tf.reshape(quantised, grid.shape));
  const scale = tf.tensor1d([...options.std]);
  const error = meanSquaredError(tf.mul(reconstruction, scale), tf.mul(pictures, scale));
  const pixel = tf.div<tf.Scalar>(error, options.pixelVariance);
  const perceptual =
    options.perceptual === 0
      ? tf.scalar(0)
      : perceptualLoss(features(reconstruction), features(pictures), options.norm);
  const weighted = [
    tf.mul(pixel, options.pixel),
    tf.mul(perceptual, options.perceptual),
    tf.mul(commitment, options.commitment),
  ];
  return { loss: tf.addN(weighted), pixel, perceptual, commitment, latents, indices };
}
