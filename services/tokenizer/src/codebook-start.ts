import { type Codebook, encode, kMeans, startCodebook, unitRows, type VqAutoencoder } from "@peco/models";
import type { Normalisation } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { frozenStep } from "@peco/training";
import { type HostArray, type Key, random, tf } from "tfjs-libtensorflow";

/** k-means wants a few latents for each code; below this many, further batches are encoded. */
const latentsPerCode = 4;

/** Whole batches whose latents give the first codes: at least four latents a code, so that no mean is a single latent. */
export function batchesForStart(
  { batch, size }: Pick<Recipe["codebook"], "batch" | "size">,
  tokensPerPicture: number,
): number {
  return Math.ceil((latentsPerCode * size) / (batch * tokensPerPicture));
}

/**
 * The first codebook: k-means over the latents of the first batches by the untrained encoder, started at random distinct
 * latents; N is the even load of a batch. Codes that are learned start at U(-1/K, 1/K) where no rounds are asked for (van den Oord's
 * and VQGAN's way), others at the random latents.
 *
 * @param batches by step; by part, counted over all batches, where the recipe has micro-batches: the codes are those of whole batches
 */
export async function firstCodebook(
  recipe: Recipe["codebook"],
  autoencoder: VqAutoencoder,
  normalisation: Normalisation,
  batches: { at(number: number): Promise<{ images: HostArray }> },
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
  // compiled, so that an encoder's many layers are freed as it goes
  await using encoder = frozenStep({ compiler: "graph" }, "first latents", ({ images }: { images: tf.Tensor4D }) => {
    const latents = encode(autoencoder, images, normalisation);
    const rows = tf.reshape<tf.Rank.R2>(latents, [-1, width]);
    return { latents: unitLength ? unitRows(rows) : rows };
  });
  const parts: tf.Tensor2D[] = [];
  const partsOfBatch = recipe.batch / (recipe.microBatch ?? recipe.batch);
  for (let part = 0; part < batchesForStart(recipe, tokensPerPicture) * partsOfBatch; part++) {
    const { images } = await batches.at(part);
    const { latents } = await encoder.run({ images });
    parts.push(tf.tensor2d(latents.data as Float32Array, latents.shape as [number, number]));
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
