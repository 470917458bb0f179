/**
 * The evaluator's compiled programs: networks that are only asked, so that every step gives its state back as it is. Pictures are
 * `[batch, size, size, 3]`, 0..255.
 */
import {
  type Classifier,
  classify,
  decodeTokens,
  encodeTokens,
  type MaskedModel,
  maskedPatches,
  predictMasked,
  type VisionTransformer,
  type VisionTransformerConfig,
  type VqAutoencoder,
  visionTransformer,
} from "@peco/models";
import { crossEntropy, type Normalisation } from "@peco/nn";
import { tf } from "tfjs-libtensorflow";

/** A frozen tokenizer: autoencoder and code vectors `[codes, width]`. */
export type Tokenizer = { readonly autoencoder: VqAutoencoder; readonly vectors: tf.Tensor2D };

/** A frozen pre-trained network beside the tokenizer that its targets come from. */
export type Pretrained = { readonly model: MaskedModel; readonly tokenizer: Tokenizer };

type Images = { readonly images: tf.Tensor4D };

/** Logits `[batch, classes]`. */
export function classifierStep(config: VisionTransformerConfig) {
  return (state: Classifier, { images }: Images) => ({ state, metrics: { logits: classify(state, config, images) } });
}

/** Features of every block for a linear probe, class token beside the mean of the patches: `[batch, blocks, 2 * width]`, no final norm. */
export function featuresStep(config: VisionTransformerConfig) {
  return (state: VisionTransformer, { images }: Images) => {
    const features = visionTransformer(state, config, images).blocks.map((block) => {
      const [batch, tokens, width] = block.shape;
      const classToken = tf.reshape<tf.Rank.R2>(tf.slice(block, [0, 0, 0], [batch, 1, width]), [batch, width]);
      const patches = tf.mean<tf.Tensor2D>(tf.slice(block, [0, 1, 0], [batch, tokens - 1, width]), 1);
      return tf.concat2d([classToken, patches], 1);
    });
    return { state, metrics: { features: tf.stack(features, 1) as tf.Tensor3D } };
  };
}

/** Tokens `int32 [batch, rows, columns]`, and the pictures decoded from them as whole numbers from 0 to 255. */
export function reconstructionStep(normalisation: Normalisation) {
  return (state: Tokenizer, { images }: Images) => {
    const tokens = encodeTokens(state.autoencoder, state.vectors, images, normalisation);
    return { state, metrics: { tokens, pictures: drawn(state, tokens, normalisation) } };
  };
}

/** The pictures that tokens `int32 [batch, rows, columns]` stand for, as whole numbers from 0 to 255. */
export function decoderStep(normalisation: Normalisation) {
  return (state: Tokenizer, { tokens }: { readonly tokens: tf.Tensor3D }) => ({
    state,
    metrics: { pictures: drawn(state, tokens, normalisation) },
  });
}

function drawn({ autoencoder, vectors }: Tokenizer, tokens: tf.Tensor3D, normalisation: Normalisation): tf.Tensor4D {
  return tf.round(tf.clipByValue(decodeTokens(autoencoder, vectors, tokens, normalisation), 0, 255));
}

/**
 * The hidden patches of `mask` `[batch, patches]` (at most `count` a picture) with what is predicted for them, all `[batch, count]`:
 * `patches`, `weights` (0 where a picture has fewer), `predicted`, `targets`, and `losses`, the cross-entropy in nats.
 */
export function maskedStep(config: VisionTransformerConfig, count: number, normalisation: Normalisation) {
  return (state: Pretrained, { images, mask }: Images & { readonly mask: tf.Tensor2D }) => {
    const { autoencoder, vectors } = state.tokenizer;
    const hidden = maskedPatches(mask, count);
    const logits = predictMasked(state.model, config, images, mask, hidden);
    const [batch, patches] = mask.shape;
    const tokens = tf.reshape<tf.Rank.R2>(encodeTokens(autoencoder, vectors, images, normalisation), [batch, patches]);
    const targets = tf.cast(tf.gather(tokens, hidden.patches, 1, 1), "int32") as tf.Tensor2D;
    const rows = <T extends tf.Tensor>(flat: T) => tf.reshape<tf.Rank.R2>(flat, [batch, count]);
    return {
      state,
      metrics: {
        ...hidden,
        targets,
        predicted: rows(tf.argMax(logits, 1)),
        losses: rows(crossEntropy(logits, tf.reshape(targets, [-1]))),
      },
    };
  };
}
