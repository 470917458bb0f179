import { autocast, tf } from "tfjs-libtensorflow";

/** What MoCo's loss gives for one direction or, summed and averaged, for both. */
export interface ContrastiveLoss {
  /** 2 T times the cross-entropy of finding each query's own key among all keys. */
  readonly loss: tf.Scalar;
  /** Share of queries whose nearest key is their own, in [0, 1]. */
  readonly accuracy: tf.Scalar;
}

/**
 * InfoNCE as in MoCo v3 (Chen et al. 2021): logits q.k / T over the keys of the batch, the key of the same row being
 * the right one, mean over queries, times 2 T. No gradient flows into the keys.
 * @param queries [n, width] of any length; they are normalised here
 * @param keys [n, width], already normalised
 */
export function contrastiveLoss(queries: tf.Tensor2D, keys: tf.Tensor2D, temperature: number): ContrastiveLoss {
  return autocast("float32", () => {
    const directions = unitRows(queries);
    const logits = tf.div<tf.Tensor2D>(tf.matMul(directions, keys, false, true), temperature);
    const own = tf.div(tf.sum(tf.mul(directions, keys), 1), temperature);
    const crossEntropy = tf.mean<tf.Scalar>(tf.sub(tf.logSumExp(logits, 1), own));
    const rows = tf.range(0, queries.shape[0], 1, "int32");
    const hits = tf.cast(tf.equal(tf.argMax(logits, 1), rows), "float32");
    return { loss: tf.mul(crossEntropy, 2 * temperature), accuracy: tf.mean(hits) };
  });
}

/** Each vector of [.., width] divided by its length. */
export function unitRows<T extends tf.Tensor>(rows: T): T {
  return autocast("float32", () => tf.mul(rows, tf.rsqrt(tf.add(tf.sum(tf.square(rows), -1, true), 1e-12))));
}

/**
 * How far keys spread: the deviation of each dimension over the batch, averaged over dimensions. It is about
 * 1 / sqrt(width) where unit vectors point everywhere, and falls to 0 when the network collapses to one answer.
 * @param keys unit vectors, [n, width]
 */
export function keyDeviation(keys: tf.Tensor2D): tf.Scalar {
  return autocast("float32", () => tf.mean(tf.sqrt(tf.moments(keys, 0).variance)));
}
