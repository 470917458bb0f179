import { autocast, tf } from "tfjs-libtensorflow";
import { codeCounts, nearestCodes } from "./codebook.ts";
import { unitRows } from "./moco-loss.ts";

/** How centres are kept. */
export interface KMeansOptions {
  /** Spherical k-means: points and centres have length 1, and a centre is the direction of its rows' sum. @default false */
  readonly unitLength?: boolean;
}

/**
 * Lloyd's k-means: `rounds` times, each row of `points` [n, width] joins its nearest centre and each centre moves to
 * the mean of its rows. A centre that got no row stays where it is.
 * @param points of length 1 where `unitLength` is asked for
 * @param centres the first centres [codes, width], usually distinct rows of `points`
 */
export function kMeans(
  points: tf.Tensor2D,
  centres: tf.Tensor2D,
  rounds: number,
  options: KMeansOptions = {},
): tf.Tensor2D {
  let current = tf.clone(centres);
  for (let round = 0; round < rounds; round++) {
    const next = tf.tidy(() => lloydRound(points, current, options));
    current.dispose();
    current = next;
  }
  return current;
}

/** One round of `kMeans`: the centres that follow on `centres`. */
export function lloydRound(
  points: tf.Tensor2D,
  centres: tf.Tensor2D,
  { unitLength = false }: KMeansOptions = {},
): tf.Tensor2D {
  return autocast("float32", () => {
    const codes = centres.shape[0];
    const members = nearestCodes(points, centres);
    const counts = tf.expandDims(codeCounts(members, codes), 1);
    const sums = tf.unsortedSegmentSum(points, members, codes) as tf.Tensor2D;
    const means = unitLength ? unitRows(sums) : tf.div(sums, tf.maximum(counts, 1));
    return tf.where(tf.greater(counts, 0), means, centres) as tf.Tensor2D;
  });
}
