import { type Key, tf } from "tfjs-libtensorflow";
import { kaimingUniform } from "./initialisers.ts";

/** Parameters of `x W + b`: weight [inputs, outputs], bias [outputs] where there is one. */
export type Linear = { readonly weight: tf.Tensor2D; readonly bias?: tf.Tensor1D };

/** A linear layer of two widths with a weight drawn by PyTorch's default (±1 / sqrt(inputs)) and a zero bias, or none. */
export function initLinear(
  key: Key,
  { inputs, outputs, bias = true }: { inputs: number; outputs: number; bias?: boolean },
): Linear {
  const weight = kaimingUniform<tf.Tensor2D>(key, [inputs, outputs], inputs);
  return bias ? { weight, bias: tf.zeros([outputs]) } : { weight };
}

/** `x W + b` over the last dimension: [..., inputs] to [..., outputs]. */
export function linear<T extends tf.Tensor>({ weight, bias }: Linear, x: T): T {
  const rows: tf.Tensor2D = x.rank === 2 ? (x as tf.Tensor as tf.Tensor2D) : tf.reshape(x, [-1, weight.shape[0]]);
  const product = tf.matMul(rows, weight);
  const sum = bias === undefined ? product : tf.add<tf.Tensor2D>(product, bias);
  return (x.rank === 2 ? sum : tf.reshape(sum, [...x.shape.slice(0, -1), weight.shape[1]])) as tf.Tensor as T;
}
