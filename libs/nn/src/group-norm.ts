import { tf } from "tfjs-libtensorflow";
import { type Affine, standardiseAlong } from "./layer-norm.ts";

/** Groups of channels that VQGAN's norms take: 32, or the largest number that divides both 32 and the channels. */
export function groupCount(channels: number): number {
  let groups = 32;
  while (channels % groups !== 0) groups /= 2;
  return groups;
}

/**
 * Group normalisation (Wu and He 2018) of [batch, height, width, channels]: each picture's channels are normalised in
 * `groupCount` groups of neighbours, over all places, and then scaled channel by channel. PyTorch's GroupNorm.
 */
export function groupNorm({ scale, bias }: Affine, x: tf.Tensor4D, epsilon = 1e-6): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const groups = groupCount(channels);
  const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups]);
  const value = tf.reshape(standardiseAlong(grouped, [1, 3], epsilon), [batch, height, width, channels]);
  return tf.add(tf.mul(value, scale), bias);
}
