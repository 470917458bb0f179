import { autocast, tf } from "tfjs-libtensorflow";
import { codeCounts, nearestCodes } from "./codebook.ts";

/**
 * Lloyd's k-means: `rounds` times, each row of `points` [n, width] joins its nearest centre and each centre moves to
 * the mean of its rows. A centre that got no row stays where it is.
 * @param centres the first centres [codes, width], usually distinct rows of `points`
 */
export function kMeans(points: tf.Tensor2D, centres: tf.Tensor2D, rounds: number): tf.Tensor2D {
  return tf.tidy(() => {
    let current = tf.clone(centres);
    for (let round = 0; round < rounds; round++) current = lloydRound(points, current);
    return current;
  });
}

function lloydRound(points: tf.Tensor2D, centres: tf.Tensor2D): tf.Tensor2D {
  return autocast("float32", () => {
    const codes = centres.shape[0];
    const members = nearestCodes(points, centres);
    const counts = tf.expandDims(codeCounts(members, codes), 1);
    const sums = tf.unsortedSegmentSum(points, members, codes);
    const means = tf.div(sums, tf.maximum(counts, 1));
    return tf.where(tf.greater(counts, 0), means, centres) as tf.Tensor2D;
  });
}
