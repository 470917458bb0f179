import { normaliseFeatures } from "@peco/models";
import type { PerceptualNetwork, Tokenizer } from "@peco/training";
import { tf } from "tfjs-libtensorflow";

/** What is measured of pictures [batch, size, size, 3]. Null stands for what a tokenizer or a network does not have. */
export type Measured = {
  /** int32 [batch, side, side]. */
  readonly tokens: tf.Tensor3D;
  /** Squared distance of each latent from its code, [batch, side, side]. */
  readonly distances: tf.Tensor3D | null;
  /** Reconstructions as whole numbers from 0 to 255. */
  readonly pictures: tf.Tensor4D | null;
  /** Distance of the reconstruction's features at each block of the network, [batch, blocks]. */
  readonly perceptual: tf.Tensor2D | null;
  /** Last block's features, averaged over places, [batch, width], of pictures and reconstructions. */
  readonly pooled: { readonly original: tf.Tensor2D; readonly reconstruction: tf.Tensor2D } | null;
};

/** The function that measures a batch of pictures. */
export function measuredStep(
  tokenizer: Tokenizer,
  network: PerceptualNetwork | null,
): (batch: { readonly images: tf.Tensor4D }) => Measured {
  const { tokenise, latents, vectors, decode } = tokenizer;
  return ({ images }) => {
    const tokens = tokenise(images);
    const distances =
      latents === null || vectors === null
        ? null
        : tf.sum<tf.Tensor3D>(tf.squaredDifference(latents(images), tf.gather(vectors, tokens)), -1);
    const pictures = decode === null ? null : tf.round(tf.clipByValue(decode(tokens), 0, 255));
    return { tokens, distances, pictures, ...compared(network, images, pictures) };
  };
}

function compared(
  network: PerceptualNetwork | null,
  images: tf.Tensor4D,
  pictures: tf.Tensor4D | null,
): Pick<Measured, "perceptual" | "pooled"> {
  if (network === null || pictures === null) return { perceptual: null, pooled: null };
  const features = network.features(Array.from({ length: network.depth }, (_, block) => block + 1));
  const [original, reconstruction] = [features(images), features(pictures)];
  const norm = network.network === "vit" ? "layernorm" : "none";
  const layers = original.map((own, layer) => {
    const [a, b] = [own, reconstruction[layer] as tf.Tensor3D].map((some) => normaliseFeatures(some, norm));
    return tf.mean<tf.Tensor1D>(tf.squaredDifference(a as tf.Tensor3D, b as tf.Tensor3D), [1, 2]);
  });
  const pooled = (all: readonly tf.Tensor3D[]) => tf.mean<tf.Tensor2D>(all.at(-1) as tf.Tensor3D, 1);
  return {
    perceptual: tf.stack(layers, 1) as tf.Tensor2D,
    pooled: { original: pooled(original), reconstruction: pooled(reconstruction) },
  };
}
