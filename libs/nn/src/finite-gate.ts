import { rawOp, type Tree, tf } from "tfjs-libtensorflow";
import { leaves, withLeaves } from "./tree.ts";

/**
 * `next` where `finite` is 1, `previous` where it is 0, bit for bit: keeps the state that lies outside the optimizer
 * (codebook, momentum network) unchanged by a step that is not finite.
 */
export function onlyIfFinite<T extends Tree>(finite: tf.Scalar, next: T, previous: T): T {
  const condition = tf.greater<tf.Scalar>(finite, 0);
  const before = leaves(previous).map(({ tensor }) => tensor);
  return withLeaves(
    next,
    leaves(next).map(({ tensor }, i) => choose(condition, tensor, before[i] as tf.Tensor)),
  );
}

/**
 * The one tensor or the other, of equal shape and type, by one condition for all values. `tf.where` would first spread the
 * condition to their shape. It has no gradient.
 */
export function choose(condition: tf.Scalar, yes: tf.Tensor, no: tf.Tensor): tf.Tensor {
  const dtype = yes.dtype as "float32" | "int32" | "bool";
  return rawOp("Select", { T: { kind: "type", value: dtype } }, [condition, yes, no])[0] as tf.Tensor;
}
