import { type Tree, tf } from "tfjs-libtensorflow";
import type { Rate } from "./adamw.ts";
import { Stack } from "./stack.ts";

/** Exponential moving average of a tree: momentum · average + (1 - momentum) · value, small leaves as one vector. */
export function exponentialMovingAverage<T extends Tree>(average: T, value: T, momentum: Rate): T {
  const stack = new Stack(average);
  const values = stack.pack(value);
  const share = tf.sub(1, momentum);
  return stack.unpack(
    stack.pack(average).map((old, i) => tf.add(old, tf.mul(tf.sub(values[i] as tf.Tensor, old), share))),
  );
}
