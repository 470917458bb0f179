import { type Codebook, encode, kMeans, startCodebook, unitRows, type VqAutoencoder } from "@peco/models";
import type { Normalisation } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { type HostArray, type Key, random, tf } from "tfjs-libtensorflow";

/** k-means wants a few latents for each code; below this many, further batches are encoded. */
const latentsPerCode = 4;

/** Batches, or parts of batches, whose latents give the first codes: at least four latents a code, so that no mean is a single latent. */
export function batchesForStart(
  { batch, microBatch, size }: Pick<Recipe["codebook"], "batch" | "microBatch" | "size">,
  tokensPerPicture: number,
): number {
  return Math.ceil((latentsPerCode * size) / ((microBatch ?? batch) * tokensPerPicture));
}

/**
 * The first codebook: k-means over the latents of the first batches by the untrained encoder, started at random distinct
 * latents; N is the even load of a batch. Codes that are learned start at U(-1/K, 1/K) where no rounds are asked for (van den Oord's
 * and VQGAN's way), others at the random latents.
 */
export async function firstCodebook(
  recipe: Recipe["codebook"],
  autoencoder: VqAutoencoder,
  normalisation: Normalisation,
  batches: { at(step: number): Promise<{ images: HostArray }> },
  tokensPerPicture: number,
  key: Key,
): Promise<Codebook> {
  const { size, width, codes, unitLength, kmeansRounds } = recipe;
  const load = (recipe.batch * tokensPerPicture) / size;
  if (codes === "gradient" && kmeansRounds === 0) {
    return tf.tidy(() => {
      const drawn = random.uniform(key, [size, width], -1 / size, 1 / size) as tf.Tensor2D;
      return startCodebook(unitLength ? unitRows(drawn) : drawn, load, recipe);
    });
  }
  const parts: tf.Tensor2D[] = [];
  for (let step = 0; step < batchesForStart(recipe, tokensPerPicture); step++) {
    const { images } = await batches.at(step);
    parts.push(latentsOf(autoencoder, images, normalisation, recipe));
  }
  const codebook = tf.tidy(() => {
    const latents = tf.concat2d(parts, 0);
    const rows = tf.slice(random.permutation(key, latents.shape[0]), 0, size);
    const centres = kMeans(latents, tf.gather(latents, rows), kmeansRounds, { unitLength });
    return startCodebook(centres, load, recipe);
  });
  tf.dispose(parts);
  return codebook;
}

/** Latents of pictures, [pictures * places, width]. */
function latentsOf(
  autoencoder: VqAutoencoder,
  { shape, data }: HostArray,
  normalisation: Normalisation,
  { unitLength }: Recipe["codebook"],
): tf.Tensor2D {
  return tf.tidy(() => {
    const pictures = tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]);
    const latents = encode(autoencoder, pictures, normalisation);
    const rows = tf.reshape<tf.Rank.R2>(latents, [-1, latents.shape[3]]);
    return unitLength ? unitRows(rows) : rows;
  });
}
