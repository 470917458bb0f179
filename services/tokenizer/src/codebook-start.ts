import { type Codebook, encode, kMeans, startCodebook, type VqAutoencoder } from "@peco/models";
import type { Normalisation } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { type HostArray, type Key, random, tf } from "tfjs-libtensorflow";

/** k-means wants a few latents for each code; below this many, further batches are encoded. */
const latentsPerCode = 4;

/** Batches whose latents give the first codes: at least four latents a code, so that no mean is a single latent. */
export function batchesForStart({ batch, size }: Recipe["codebook"], tokensPerPicture: number): number {
  return Math.ceil((latentsPerCode * size) / (batch * tokensPerPicture));
}

/**
 * The first codebook: k-means over the latents of the first batches by the untrained encoder, started at random distinct
 * latents; N is the even load of a batch.
 */
export async function firstCodebook(
  recipe: Recipe["codebook"],
  autoencoder: VqAutoencoder,
  normalisation: Normalisation,
  batches: { at(step: number): Promise<{ images: HostArray }> },
  tokensPerPicture: number,
  key: Key,
): Promise<Codebook> {
  const parts: tf.Tensor2D[] = [];
  for (let step = 0; step < batchesForStart(recipe, tokensPerPicture); step++) {
    const { images } = await batches.at(step);
    parts.push(latentsOf(autoencoder, images, normalisation));
  }
  const codebook = tf.tidy(() => {
    const latents = tf.concat2d(parts, 0);
    const rows = tf.slice(random.permutation(key, latents.shape[0]), 0, recipe.size);
    const centres = kMeans(latents, tf.gather(latents, rows), recipe.kmeansRounds);
    return startCodebook(centres, (recipe.batch * tokensPerPicture) / recipe.size);
  });
  tf.dispose(parts);
  return codebook;
}

function latentsOf(autoencoder: VqAutoencoder, { shape, data }: HostArray, normalisation: Normalisation): tf.Tensor2D {
  return tf.tidy(() => {
    const pictures = tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]);
    const latents = encode(autoencoder, pictures, normalisation);
    return tf.reshape<tf.Rank.R2>(latents, [-1, latents.shape[3]]);
  });
}
