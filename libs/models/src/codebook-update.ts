import { autocast, tf } from "tfjs-libtensorflow";
import { type Codebook, type CodeKind, codeCounts } from "./codebook.ts";
import { unitRows } from "./moco-loss.ts";

/** How a codebook follows its latents. */
export interface CodebookUpdate extends CodeKind {
  /** Weight of the past, per step. */
  readonly decay: number;
  /** Epsilon of the Laplace smoothing of the counts (1e-5 in Sonnet); 0 leaves it out. */
  readonly smoothing: number;
}

/** What a batch says about codes. The statistics of two batches add up to those of both together. */
export type CodeStatistics = {
  /** Latents of each code, n, [codes]. */
  readonly counts: tf.Tensor1D;
  /** Their sum, [codes, width]. */
  readonly sums: tf.Tensor2D;
};

/** Counts and sums of latents [n, width] by their codes `indices` (int32 [n]). */
export function codeStatistics(latents: tf.Tensor2D, indices: tf.Tensor1D, codes: number): CodeStatistics {
  return autocast("float32", () => ({
    counts: codeCounts(indices, codes),
    sums: tf.unsortedSegmentSum(latents, indices, codes) as tf.Tensor2D,
  }));
}

/**
 * One step of the moving averages over what a batch says: N <- d N + (1 - d) n, and the codes
 *
 * - of a plain `ema` codebook (van den Oord et al. 2017, appendix A.1): m <- d m + (1 - d) sum z, e = m / N, smoothed if asked;
 *   a code without any load keeps its vector;
 * - of length 1 (BEiT v2): e <- unit(d e + (1 - d) unit(sum z / n)); a code that was not chosen keeps its vector;
 * - that are learned by gradients: as they are.
 */
export function updateCodebook(codebook: Codebook, statistics: CodeStatistics, options: CodebookUpdate): Codebook {
  return autocast("float32", () => {
    const counts = blend(codebook.counts, statistics.counts, options.decay);
    if (options.codes === "gradient") return { vectors: codebook.vectors, counts };
    if (options.unitLength) return { vectors: turned(codebook.vectors, statistics, options.decay), counts };
    return averaged(codebook, counts, statistics, options);
  });
}

function averaged(
  codebook: Codebook,
  counts: tf.Tensor1D,
  statistics: CodeStatistics,
  { decay, smoothing }: CodebookUpdate,
): Codebook {
  const sums = blend(codebook.sums as tf.Tensor2D, statistics.sums, decay);
  const divisor = smoothing > 0 ? smoothCounts(counts, smoothing) : counts;
  // A code without load has m/N = 0/0 once the averages run out of float32's range: it stays where it is.
  const loaded = tf.greater(counts, smallestCount);
  const means = tf.div(sums, tf.expandDims(tf.where(loaded, divisor, tf.onesLike(divisor)), 1));
  const vectors = tf.where(tf.expandDims(loaded, 1), means, codebook.vectors) as tf.Tensor2D;
  return { vectors, counts, sums };
}

/** Below this moving count a division by it says nothing any more. */
const smallestCount = 1e-20;

function turned(vectors: tf.Tensor2D, { counts, sums }: CodeStatistics, decay: number): tf.Tensor2D {
  const chosen = tf.expandDims(tf.greater(counts, 0), 1);
  const means = tf.div(sums, tf.expandDims(tf.maximum(counts, 1), 1));
  return tf.where(chosen, unitRows(blend(vectors, unitRows(means), decay)), vectors) as tf.Tensor2D;
}

function blend<T extends tf.Tensor>(past: T, present: tf.Tensor, decay: number): T {
  return tf.add<T>(tf.mul(past, decay), tf.mul(present, 1 - decay));
}

/** Laplace smoothing of counts [codes] that keeps their sum: (N + eps) / (sum N + K eps) * sum N. */
function smoothCounts(counts: tf.Tensor1D, epsilon: number): tf.Tensor1D {
  const total = tf.sum(counts);
  const codes = counts.shape[0];
  return tf.mul(tf.div(tf.add(counts, epsilon), tf.add(total, codes * epsilon)), total);
}

/** When a code counts as dead, and what it starts again with. Both are shares of the even load, `latents / codes`. */
export interface CodebookRestart {
  /** A code whose moving count falls below this share of the even load is dead. 0 never restarts. */
  readonly below: number;
  /** The moving count that a restarted code gets, as a share of the even load. @default 2 * below */
  readonly count?: number;
  /** Latents of a batch over codes. */
  readonly evenLoad: number | tf.Scalar;
}

/** Which codes are dead, bool [codes]. */
export function deadCodes({ counts }: Codebook, { below, evenLoad }: CodebookRestart): tf.Tensor1D {
  return tf.less(counts, tf.mul(evenLoad, below));
}

/**
 * Puts every dead code on a latent of the batch: code k takes row k of `drawn` [codes, width], with a fresh count.
 * It comes after `updateCodebook`, which would overwrite it. Codes that live are returned as they are, bit for bit.
 * @param drawn latents of the batch, one for each code, used only where the code is dead.
 */
export function restartDeadCodes(codebook: Codebook, drawn: tf.Tensor2D, restart: CodebookRestart): Codebook {
  return autocast("float32", () => {
    const { below, count = 2 * below, evenLoad } = restart;
    const dead = deadCodes(codebook, restart);
    const rows = tf.expandDims(dead, 1);
    const fresh = tf.mul<tf.Scalar>(evenLoad, count);
    const { vectors, counts, sums } = codebook;
    return {
      vectors: tf.where(rows, drawn, vectors) as tf.Tensor2D,
      counts: tf.where(dead, tf.broadcastTo(fresh, counts.shape), counts) as tf.Tensor1D,
      ...(sums !== undefined && { sums: tf.where(rows, tf.mul(drawn, fresh), sums) as tf.Tensor2D }),
    };
  });
}
