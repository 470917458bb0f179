import { tf } from "tfjs-libtensorflow";

/** x Φ(x) with the exact normal distribution function (Hendrycks and Gimpel 2016), not the tanh approximation. */
export function gelu<T extends tf.Tensor>(x: T): T {
  return operation(x) as T;
}

/** With its gradient written out: Φ(x) is kept, and the derivative is Φ(x) + x φ(x). */
const operation = tf.customGrad((input, save) => {
  const x = input as tf.Tensor;
  const share = tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
  (save as tf.GradSaveFunc)([x, share]);
  return {
    value: tf.mul(x, share),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, share] = saved as [tf.Tensor, tf.Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy, tf.add(share, tf.mul(x, density)));
    },
  };
});
