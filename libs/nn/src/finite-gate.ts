import { type Tree, tf } from "tfjs-libtensorflow";
import { leaves, withLeaves } from "./tree.ts";

/**
 * `next` where `finite` is 1, `previous` where it is 0, bit for bit: keeps the state that lies outside the optimizer
 * (codebook, momentum network) unchanged by a step that is not finite.
 */
export function onlyIfFinite<T extends Tree>(finite: tf.Scalar, next: T, previous: T): T {
  const condition = tf.greater(finite, 0);
  const before = leaves(previous);
  return withLeaves(
    next,
    leaves(next).map(({ tensor }, i) => tf.where(condition, tensor, (before[i] as { tensor: tf.Tensor }).tensor)),
  );
}
