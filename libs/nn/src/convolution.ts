import { type Key, random, tf } from "tfjs-libtensorflow";
import { kaimingUniform } from "./initialisers.ts";

/** Parameters of a convolution: kernel [height, width, inputs, outputs] (transposed: [.., outputs, inputs]), bias [outputs]. */
export type Conv2d = { readonly kernel: tf.Tensor4D; readonly bias: tf.Tensor1D };

/** Side of the square kernel, channels in and out. */
export interface Conv2dShape {
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** A convolution that starts as PyTorch's `Conv2d` does: kernel and bias uniform within ±1 / sqrt(inputs · kernel²). */
export function initConv2d(key: Key, { kernel, inputs, outputs }: Conv2dShape): Conv2d {
  return start(key, [kernel, kernel, inputs, outputs], inputs * kernel ** 2, outputs);
}

/** A transposed convolution that starts as PyTorch's `ConvTranspose2d`: the bound is by outputs · kernel² there. */
export function initConv2dTranspose(key: Key, { kernel, inputs, outputs }: Conv2dShape): Conv2d {
  return start(key, [kernel, kernel, outputs, inputs], outputs * kernel ** 2, outputs);
}

function start(key: Key, shape: number[], fanIn: number, outputs: number): Conv2d {
  return {
    kernel: kaimingUniform(random.fold(key, "kernel"), shape, fanIn),
    bias: kaimingUniform(random.fold(key, "bias"), [outputs], fanIn),
  };
}

/** Convolution with "same" padding: [batch, height, width, inputs] to [batch, height / stride, width / stride, outputs]. */
export function conv2d(
  { kernel, bias }: Conv2d,
  x: tf.Tensor4D,
  { stride = 1 }: { stride?: number } = {},
): tf.Tensor4D {
  return tf.add(tf.conv2d(x, kernel, stride, "same"), bias);
}

/** The transpose of `conv2d`: [batch, height, width, inputs] to [batch, height · stride, width · stride, outputs]. */
export function conv2dTranspose(
  { kernel, bias }: Conv2d,
  x: tf.Tensor4D,
  { stride = 1 }: { stride?: number } = {},
): tf.Tensor4D {
  const [batch, height, width] = x.shape;
  const shape: [number, number, number, number] = [batch, height * stride, width * stride, kernel.shape[2]];
  return tf.add(tf.conv2dTranspose(x, kernel, shape, stride, "same"), bias);
}
