import { autocast, tf } from "tfjs-libtensorflow";

/** The share of codes that occur at all, in [0, 1]. @param counts occurrences of each code, [codes] */
export function codebookUsage(counts: tf.Tensor1D): tf.Scalar {
  return tf.mean<tf.Scalar>(tf.cast(tf.greater(counts, 0), "float32"));
}

/**
 * exp of the entropy of the codes' shares, -sum p ln(p + 1e-10): the number of codes that an even use would need,
 * from 1 (one code does all) to the codebook's size. @param counts occurrences of each code, [codes], not all zero
 */
export function codebookPerplexity(counts: tf.Tensor1D): tf.Scalar {
  return autocast("float32", () => {
    const shares = tf.div(counts, tf.sum(counts));
    const information = tf.mul(shares, tf.log(tf.add(shares, 1e-10)));
    return tf.exp(tf.neg(tf.sum<tf.Scalar>(information)));
  });
}
