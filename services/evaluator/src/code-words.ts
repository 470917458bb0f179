import type { CodeWords } from "@peco/report/evaluation";
import type { Tokenizer } from "@peco/training";
import { tf } from "tfjs-libtensorflow";
import type { FrozenFeatures } from "./frozen-features.ts";
import { type LinearAccuracy, linearAccuracies } from "./linear-evaluation.ts";
import type { Pass } from "./pictures-in-order.ts";

/** Vectors of all places stand side by side up to so many features; above, their mean over the places is taken. */
const WIDEST = 16_384;

/**
 * What a linear classifier can read off a tokenizer's work: how often each code occurs, the looked-up code vectors by place, and the
 * latents by place before the codebook.
 */
export async function evaluateCodeWords(pass: Pass, tokenizer: Tokenizer, classes: number): Promise<CodeWords> {
  const { codes, side, pictureSize: size } = tokenizer;
  const grids = vectorGrids(tokenizer);
  const features: FrozenFeatures = {
    name: "code words",
    widths: [codes, ...grids.map(({ width, pooled }) => (pooled ? width : side * side * width))],
    size,
    of: (images) => {
      const tokens = tokenizer.tokenise(images);
      return [bagsOfCodes(tokens, codes), ...grids.map(({ of, pooled }) => rowsOf(of(images, tokens), pooled))];
    },
  };
  const accuracies = await linearAccuracies(pass, features, classes);
  return [{ representation: "bag" as const, pooled: false }, ...grids].map(({ representation, pooled }, i) => ({
    representation,
    pooled,
    validation: (accuracies[i] as LinearAccuracy).validation,
    test: (accuracies[i] as LinearAccuracy).test,
  }));
}

/** One of the tokenizer's ways to say a picture in vectors. */
interface VectorGrid {
  readonly representation: "embeddings" | "latents";
  /** The vectors of pictures and their tokens, `[batch, rows, columns, width]`. */
  readonly of: (images: tf.Tensor4D, tokens: tf.Tensor3D) => tf.Tensor4D;
  readonly width: number;
  readonly pooled: boolean;
}

/** The vectors that the tokenizer has: DALL-E's has none. */
function vectorGrids({ vectors, latents, side, pictureSize }: Tokenizer): VectorGrid[] {
  const grid = (representation: VectorGrid["representation"], of: VectorGrid["of"], width: number) => ({
    representation,
    of,
    width,
    pooled: side * side * width > WIDEST,
  });
  const found: VectorGrid[] = [];
  if (vectors !== null)
    found.push(
      grid("embeddings", (_, tokens) => tf.gather(vectors, tokens) as tf.Tensor as tf.Tensor4D, vectors.shape[1]),
    );
  if (latents !== null) {
    const width = tf.tidy(() => latents(tf.zeros([1, pictureSize, pictureSize, 3])).shape[3]);
    found.push(grid("latents", latents, width));
  }
  return found;
}

/** A grid of vectors `[batch, rows, columns, width]` as one row for each picture. */
function rowsOf(grid: tf.Tensor4D, pooled: boolean): tf.Tensor2D {
  return pooled ? tf.mean<tf.Tensor2D>(grid, [1, 2]) : tf.reshape<tf.Rank.R2>(grid, [grid.shape[0], -1]);
}

/** One-hot tokens take at most so many numbers at a time. */
const MOST_ONE_HOT = 2 ** 24;

/** How often each code occurs in each picture, of tokens `int32 [batch, rows, columns]`: `[batch, codes]`. */
export function bagsOfCodes(tokens: tf.Tensor3D, codes: number): tf.Tensor2D {
  const [batch, rows, columns] = tokens.shape;
  const places = rows * columns;
  const list = tf.reshape<tf.Rank.R2>(tokens, [batch, places]);
  const group = Math.max(1, Math.min(places, Math.floor(MOST_ONE_HOT / (batch * codes))));
  const counts = [];
  for (let at = 0; at < places; at += group) {
    const some = tf.slice2d(list, [0, at], [batch, Math.min(group, places - at)]);
    counts.push(tf.sum<tf.Tensor2D>(tf.cast(tf.oneHot(some, codes), "float32"), 1));
  }
  return counts.length === 1 ? (counts[0] as tf.Tensor2D) : tf.addN(counts);
}
