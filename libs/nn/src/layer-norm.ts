import { tf } from "tfjs-libtensorflow";

/** Scale and bias of a normalisation, each [width]. */
export type Affine = { readonly scale: tf.Tensor1D; readonly bias: tf.Tensor1D };

/** Scale 1 and bias 0. */
export function initAffine(width: number): Affine {
  return { scale: tf.ones([width]), bias: tf.zeros([width]) };
}

/** Layer normalisation (Ba et al. 2016) over the last dimension, with scale and bias. */
export function layerNorm<T extends tf.Tensor>({ scale, bias }: Affine, x: T, epsilon = 1e-6): T {
  return tf.add(tf.mul(standardise(x, epsilon), scale), bias);
}

/**
 * `x` minus its mean, over its deviation, along the last dimension: layer normalisation without scale and bias. The
 * gradient is written out, since the one that follows from its parts takes three times the operations.
 */
export function standardise<T extends tf.Tensor>(x: T, epsilon = 1e-6): T {
  return standardiseAlong(x, -1, epsilon);
}

/** The same along any axis (0: over the batch), or over several together. */
export function standardiseAlong<T extends tf.Tensor>(x: T, axis: number | number[], epsilon: number): T {
  const operation = tf.customGrad((input, save) => {
    const centred = tf.sub(input as tf.Tensor, tf.mean(input as tf.Tensor, axis, true));
    const perDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axis, true), epsilon));
    const value = tf.mul(centred, perDeviation);
    (save as tf.GradSaveFunc)([value, perDeviation]);
    return { value, gradFunc: (dy, saved) => gradient(dy, saved[0] as tf.Tensor, saved[1] as tf.Tensor) };
  });
  const gradient = (dy: tf.Tensor, value: tf.Tensor, perDeviation: tf.Tensor) => {
    const along = tf.mul(value, tf.mean(tf.mul(dy, value), axis, true));
    return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, axis, true)), along), perDeviation);
  };
  return operation(x) as T;
}
