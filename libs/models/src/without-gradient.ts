import { tf } from "tfjs-libtensorflow";

/**
 * Runs `body` so that no gradient flows through what it computes ("stop gradient"): tfjs has no operation for it, but a
 * custom gradient without inputs is off the tape. It also keeps out operations that have no gradient, such as argMin.
 */
export function withoutGradient<T extends tf.Tensor>(body: () => T): T {
  const detached = tf.customGrad(() => ({ value: tf.clone(body()), gradFunc: () => [] }));
  return detached() as T;
}
