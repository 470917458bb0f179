import { autocast, tf } from "tfjs-libtensorflow";
import { withoutGradient } from "./without-gradient.ts";

/** A codebook. All leaves are float32, whatever the precision of the network around it. */
export type Codebook = {
  /** The code vectors e, [codes, width]. */
  readonly vectors: tf.Tensor2D;
  /** Moving average N of how many latents of a batch fall on each code, [codes]. */
  readonly counts: tf.Tensor1D;
  /** Moving average m of the sum of those latents, [codes, width], where codes are `sums / counts`; absent for other codes. */
  readonly sums?: tf.Tensor2D;
};

/** How codes move. */
export interface CodeKind {
  /** ema: they follow their latents by moving averages. gradient: they are learned like weights. */
  readonly codes: "ema" | "gradient";
  /** Whether latents and codes have length 1. */
  readonly unitLength: boolean;
}

/**
 * A codebook that starts from `vectors` [codes, width] with N = `load` for every code and, where codes are averages of latents,
 * m = N e, so that no code explodes or collapses in its first steps.
 */
export function startCodebook(
  vectors: tf.Tensor2D,
  load: number,
  { codes, unitLength }: CodeKind = { codes: "ema", unitLength: false },
): Codebook {
  const counts = tf.fill<tf.Rank.R1>([vectors.shape[0]], load);
  const averaged = codes === "ema" && !unitLength;
  return { vectors: tf.clone(vectors), counts, ...(averaged && { sums: tf.mul(vectors, load) }) };
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

/** How `quantise` treats codes. */
export interface QuantiseOptions {
  /** Whether gradients reach the codes, too. @default false */
  readonly learned?: boolean;
}

/** What `quantise` gives for latents [n, width]. */
export interface Quantised {
  /** The chosen code of each latent, int32 [n]. */
  readonly indices: tf.Tensor1D;
  /** The code vectors, [n, width]; a gradient that arrives here goes on to the latents unchanged (straight-through). */
  readonly quantised: tf.Tensor2D;
  /** Mean of (latent - code)^2 with the code held fixed, before its weight beta. */
  readonly commitment: tf.Scalar;
  /** Mean of (code - latent)^2 with the latent held fixed, which moves codes that are learned; null for others. */
  readonly codebook: tf.Scalar | null;
}

/**
 * Replaces each row of `latents` [n, width] by its nearest code, straight through: z + sg(e - z), and measures the two terms that
 * bring them together (van den Oord et al. 2017, with beta on the commitment, as their text has it).
 */
export function quantise(
  latents: tf.Tensor2D,
  vectors: tf.Tensor2D,
  { learned = false }: QuantiseOptions = {},
): Quantised {
  const indices = nearestCodes(latents, vectors);
  const codes = withoutGradient(() => tf.gather(vectors, indices));
  const straightThrough = tf.customGrad(() => ({
    value: tf.clone(codes),
    gradFunc: (dy: tf.Tensor) => dy,
  }));
  const distance = (from: tf.Tensor2D, to: tf.Tensor2D) =>
    autocast("float32", () => tf.mean<tf.Scalar>(tf.squaredDifference(from, to)));
  return {
    indices,
    quantised: straightThrough(latents) as tf.Tensor2D,
    commitment: distance(latents, codes),
    codebook: learned
      ? distance(
          tf.gather(vectors, indices),
          withoutGradient(() => tf.clone(latents)),
        )
      : null,
  };
}

/** How many of `indices` (int32 [n]) name each of `codes` codes, float32 [codes]. */
export function codeCounts(indices: tf.Tensor1D, codes: number): tf.Tensor1D {
  return tf.unsortedSegmentSum(tf.ones<tf.Rank.R1>(indices.shape), indices, codes) as tf.Tensor1D;
}
