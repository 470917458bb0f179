import { type Key, random, tf } from "tfjs-libtensorflow";
import type { PartOfBatch } from "./part-of-batch.ts";
import type { Normalisation } from "./patches.ts";

/**
 * Random erasing (Zhong et al. 2017) as BEiT fine-tunes with it, timm's `RandomErasing` in mode `pixel`: what lies in a picture's box
 * becomes noise that is N(0, 1) once it is normalised, each pixel and channel for itself.
 * @param pictures values 0..255, [batch, height, width, channels]; the result is float32 on the same scale and not cut to it
 * @param boxes int32 [batch, 4]: top, left, height, width; nothing is erased where a side is 0
 * @param part which of a larger batch the pictures are
 */
export function erase(
  key: Key,
  pictures: tf.Tensor4D,
  boxes: tf.Tensor2D,
  normalisation: Normalisation,
  part?: PartOfBatch,
): tf.Tensor4D {
  const [batch, ...rest] = pictures.shape;
  const noise = part === undefined ? random.normal(key, [batch, ...rest]) : random.normalRows(key, part.places, rest);
  return eraseWith(noise as tf.Tensor4D, pictures, boxes, normalisation);
}

/** Erases with given noise, N(0, 1) in the shape of the pictures. */
export function eraseWith(
  noise: tf.Tensor4D,
  pictures: tf.Tensor4D,
  boxes: tf.Tensor2D,
  { mean, std }: Normalisation,
): tf.Tensor4D {
  const [, height, width] = pictures.shape;
  const [top, left, rows, columns] = tf.split(tf.cast(boxes, "float32"), 4, 1) as tf.Tensor2D[];
  const inRows = inside(top as tf.Tensor2D, rows as tf.Tensor2D, height);
  const inColumns = inside(left as tf.Tensor2D, columns as tf.Tensor2D, width);
  const erased = tf.logicalAnd(tf.expandDims(inRows, 2), tf.expandDims(inColumns, 1));
  const scale = (values: readonly number[]) => tf.tensor1d(values.map((value) => 255 * value));
  const replacement = tf.add(tf.mul(noise, scale(std)), scale(mean));
  const kept = tf.cast(pictures, "float32");
  return tf.where(tf.expandDims(erased, 3), replacement, kept) as tf.Tensor as tf.Tensor4D;
}

/** Which of `size` lines lie in [from, from + count), bool [batch, size]. */
function inside(from: tf.Tensor2D, count: tf.Tensor2D, size: number): tf.Tensor {
  const lines = tf.reshape(tf.range(0, size), [1, size]);
  return tf.logicalAnd(tf.greaterEqual(lines, from), tf.less(lines, tf.add(from, count)));
}
