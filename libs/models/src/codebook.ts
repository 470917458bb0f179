import { autocast, tf } from "tfjs-libtensorflow";
import { withoutGradient } from "./without-gradient.ts";

/**
 * A codebook whose vectors follow the latents by exponential moving averages instead of gradients
 * (van den Oord et al. 2017, appendix A.1): `vectors = sums / counts`.
 * All leaves are float32, whatever the precision of the network around it.
 */
export type Codebook = {
  /** The code vectors e, [codes, width]. */
  readonly vectors: tf.Tensor2D;
  /** Moving average N of how many latents of a batch fall on each code, [codes]. */
  readonly counts: tf.Tensor1D;
  /** Moving average m of the sum of those latents, [codes, width]. */
  readonly sums: tf.Tensor2D;
};

/** How the moving averages of a codebook are kept. */
export interface CodebookUpdate {
  /** Weight of the past in N and m, per step. */
  readonly decay: number;
  /** Epsilon of the Laplace smoothing of the counts (1e-5 in Sonnet); 0 leaves it out. */
  readonly smoothing: number;
}

/** When a code counts as dead, and what it starts again with. Both are shares of `latents / codes`, the even load. */
export interface CodebookRestart {
  /** A code whose moving count falls below this share of the even load is dead. 0 never restarts. */
  readonly below: number;
  /** The moving count that a restarted code gets, as a share of the even load. @default 2 * below */
  readonly count?: number;
}

/** A codebook that starts from `vectors` [codes, width] with N = `load` for every code and m = N e, so that no code explodes or collapses in its first steps. */
export function startCodebook(vectors: tf.Tensor2D, load: number): Codebook {
  const counts = tf.fill<tf.Rank.R1>([vectors.shape[0]], load);
  return { vectors: tf.clone(vectors), counts, sums: tf.mul(vectors, load) };
}

/** Distances that are held at a time, at most: 64 MiB of float32, or 2,048 latents against 8,192 codes. */
const distancesAtOnce = 2 ** 24;

/**
 * The index of the nearest code by Euclidean distance for each row of `latents` [n, width], int32 [n].
 * The search is a float32 matrix product, |e|^2 - 2 z.e, since |z|^2 changes no order; the lower index wins a tie. More
 * latents than `distancesAtOnce` allows are searched for in pieces, so that memory is bounded whatever their number.
 */
export function nearestCodes(latents: tf.Tensor2D, vectors: tf.Tensor2D): tf.Tensor1D {
  return withoutGradient(() =>
    autocast("float32", () => {
      const squares = tf.sum<tf.Tensor1D>(tf.square(vectors), 1);
      const rows = Math.max(1, Math.floor(distancesAtOnce / vectors.shape[0]));
      if (latents.shape[0] <= rows) return nearestOf(latents, vectors, squares);
      const pieces: tf.Tensor1D[] = [];
      for (let first = 0; first < latents.shape[0]; first += rows) {
        const piece = tf.slice(latents, [first, 0], [Math.min(rows, latents.shape[0] - first), -1]);
        pieces.push(tf.tidy(() => nearestOf(piece, vectors, squares)));
      }
      return tf.concat1d(pieces);
    }),
  );
}

function nearestOf(latents: tf.Tensor2D, vectors: tf.Tensor2D, squares: tf.Tensor1D): tf.Tensor1D {
  const products = tf.matMul<tf.Tensor2D>(latents, vectors, false, true);
  return tf.argMin<tf.Tensor1D>(tf.sub(squares, tf.mul(products, 2)), 1);
}

/** What `quantise` gives for latents [n, width]. */
export interface Quantised {
  /** The chosen code of each latent, int32 [n]. */
  readonly indices: tf.Tensor1D;
  /** The code vectors, [n, width]; a gradient that arrives here goes on to the latents unchanged (straight-through). */
  readonly quantised: tf.Tensor2D;
  /** Mean of (latent - code)^2 with the code held fixed, before its weight beta. */
  readonly commitment: tf.Scalar;
}

/** Replaces each row of `latents` [n, width] by its nearest code: METHOD "straight-through" z + sg(e - z) and the commitment term. */
export function quantise(latents: tf.Tensor2D, vectors: tf.Tensor2D): Quantised {
  const indices = nearestCodes(latents, vectors);
  const codes = withoutGradient(() => tf.gather(vectors, indices));
  const straightThrough = tf.customGrad(() => ({
    value: tf.clone(codes),
    gradFunc: (dy: tf.Tensor) => dy,
  }));
  return {
    indices,
    quantised: straightThrough(latents) as tf.Tensor2D,
    commitment: autocast("float32", () => tf.mean<tf.Scalar>(tf.squaredDifference(latents, codes))),
  };
}

/** How many of `indices` (int32 [n]) name each of `codes` codes, float32 [codes]. */
export function codeCounts(indices: tf.Tensor1D, codes: number): tf.Tensor1D {
  return tf.unsortedSegmentSum(tf.ones<tf.Rank.R1>(indices.shape), indices, codes) as tf.Tensor1D;
}

/**
 * One step of the moving averages over the latents [n, width] of a batch and their codes [n]:
 * N <- d N + (1 - d) n, m <- d m + (1 - d) sum z, e = m / N. A code that was never chosen keeps its vector.
 */
export function updateCodebook(
  codebook: Codebook,
  latents: tf.Tensor2D,
  indices: tf.Tensor1D,
  { decay, smoothing }: CodebookUpdate,
): Codebook {
  return autocast("float32", () => {
    const codes = codebook.vectors.shape[0];
    const batchCounts = codeCounts(indices, codes);
    const batchSums = tf.unsortedSegmentSum(latents, indices, codes) as tf.Tensor2D;
    const counts = blend(codebook.counts, batchCounts, decay);
    const sums = blend(codebook.sums, batchSums, decay);
    const divisor = smoothing > 0 ? smoothCounts(counts, smoothing) : counts;
    // A code without load has m/N = 0/0 once the averages run out of float32's range: it stays where it is.
    const loaded = tf.greater(counts, smallestCount);
    const means = tf.div(sums, tf.expandDims(tf.where(loaded, divisor, tf.onesLike(divisor)), 1));
    const vectors = tf.where(tf.expandDims(loaded, 1), means, codebook.vectors) as tf.Tensor2D;
    return { vectors, counts, sums };
  });
}

/** Below this moving count a division by it says nothing any more. */
const smallestCount = 1e-20;

function blend<T extends tf.Tensor>(past: T, present: T, decay: number): T {
  return tf.add<T>(tf.mul(past, decay), tf.mul(present, 1 - decay));
}

/** Laplace smoothing of counts [codes] that keeps their sum: (N + eps) / (sum N + K eps) * sum N. */
function smoothCounts(counts: tf.Tensor1D, epsilon: number): tf.Tensor1D {
  const total = tf.sum(counts);
  const codes = counts.shape[0];
  return tf.mul(tf.div(tf.add(counts, epsilon), tf.add(total, codes * epsilon)), total);
}

/**
 * Puts every dead code on a latent of the batch: code k takes row `draws[k]` of `latents` [n, width], with a fresh count.
 * It comes after `updateCodebook`, which would overwrite it. Codes that live are returned as they are, bit for bit.
 * @param draws int32 [codes], rows of `latents`, one for each code, used only where the code is dead.
 */
export function restartDeadCodes(
  codebook: Codebook,
  latents: tf.Tensor2D,
  draws: tf.Tensor1D,
  { below, count = 2 * below }: CodebookRestart,
): Codebook {
  return autocast("float32", () => {
    const evenLoad = latents.shape[0] / codebook.vectors.shape[0];
    const dead = tf.less(codebook.counts, below * evenLoad);
    const rows = tf.expandDims(dead, 1);
    const drawn = tf.gather(latents, draws);
    const fresh = count * evenLoad;
    return {
      vectors: tf.where(rows, drawn, codebook.vectors) as tf.Tensor2D,
      counts: tf.where(dead, tf.fill(codebook.counts.shape, fresh), codebook.counts) as tf.Tensor1D,
      sums: tf.where(rows, tf.mul(drawn, fresh), codebook.sums) as tf.Tensor2D,
    };
  });
}
