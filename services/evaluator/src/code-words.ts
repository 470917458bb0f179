import type { CodeWords } from "@peco/report/evaluation";
import type { Tokenizer } from "@peco/training";
import { tf } from "tfjs-libtensorflow";
import { frozenStep } from "./frozen-step.ts";
import { type FrozenFeatures, linearAccuracies } from "./linear-evaluation.ts";
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
  await using step = frozenStep(pass.context, "code words", ({ images }: { readonly images: tf.Tensor4D }) => {
    const tokens = tokenizer.tokenise(images);
    return { tokens, rows: grids.map(({ of, pooled }) => rowsOf(of(images, tokens), pooled)) };
  });
  const features: FrozenFeatures = {
    name: "code words",
    widths: [codes, ...grids.map(({ width, pooled }) => (pooled ? width : side * side * width))],
    sizes: { size },
    of: async ({ batch: { images } }) => {
      const { tokens, rows } = await step.run({ images });
      const bags = bagsOfCodes(tokens.data as Int32Array, side * side, codes);
      return [bags, ...rows.map(({ data }) => data as Float32Array)];
    },
  };
  const accuracies = await linearAccuracies(pass, features, classes);
  return [{ representation: "bag" as const, pooled: false }, ...grids].map(({ representation, pooled }, i) => ({
    representation,
    pooled,
    ...(accuracies[i] as (typeof accuracies)[number]),
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

/** How often each code occurs in each picture: `[pictures, codes]`. */
export function bagsOfCodes(tokens: Int32Array, places: number, codes: number): Float32Array {
  const bags = new Float32Array((tokens.length / places) * codes);
  tokens.forEach((token, at) => {
    const cell = Math.floor(at / places) * codes + token;
    bags[cell] = (bags[cell] as number) + 1;
  });
  return bags;
}
