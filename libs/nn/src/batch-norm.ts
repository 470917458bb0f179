import { tf } from "tfjs-libtensorflow";
import { type Affine, standardiseAlong } from "./layer-norm.ts";

/**
 * Batch normalisation (Ioffe and Szegedy 2015) of [batch, width] by the statistics of this batch, as in training; there
 * are no running statistics. `affine` null leaves scale and bias out, as the last layer of MoCo v3's heads does.
 */
export function batchNorm(affine: Affine | null, x: tf.Tensor2D, epsilon = 1e-5): tf.Tensor2D {
  const value = standardiseAlong(x, 0, epsilon);
  return affine === null ? value : tf.add(tf.mul(value, affine.scale), affine.bias);
}
