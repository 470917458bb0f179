/**
 * What the evaluator's compiled programs compute. Pictures are `[batch, size, size, 3]`, 0..255; the networks' weights are captured.
 */
import {
  type Classifier,
  classify,
  type MaskedModel,
  maskedPatches,
  predictMasked,
  type VisionTransformer,
  type VisionTransformerConfig,
  visionTransformer,
} from "@peco/models";
import { crossEntropy } from "@peco/nn";
import type { Tokenizer } from "@peco/training";
import { tf } from "tfjs-libtensorflow";

type Images = { readonly images: tf.Tensor4D };

/** Logits `[batch, classes]`. */
export function logitsOf(classifier: Classifier, config: VisionTransformerConfig) {
  return ({ images }: Images) => ({ logits: classify(classifier, config, images) });
}

/** Features of every block for a linear probe, class token beside the mean of the patches: `[batch, 2 * width]` each, no final norm. */
export function blockFeatures(vit: VisionTransformer, config: VisionTransformerConfig) {
  return (images: tf.Tensor4D): tf.Tensor2D[] =>
    visionTransformer(vit, config, images).blocks.map((block) => tf.concat2d([...classAndMean(block)], 1));
}

/** A network's outputs after its final norm: class token and mean of the patches, `[batch, width]` each. */
export function outputs(vit: VisionTransformer, config: VisionTransformerConfig) {
  return (images: tf.Tensor4D): tf.Tensor2D[] => classAndMean(visionTransformer(vit, config, images).tokens);
}

function classAndMean(tokens: tf.Tensor3D): [classToken: tf.Tensor2D, mean: tf.Tensor2D] {
  const [batch, count, width] = tokens.shape;
  const classToken = tf.reshape<tf.Rank.R2>(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width]);
  return [classToken, tf.mean<tf.Tensor2D>(tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]), 1)];
}

/** Tokens `int32 [batch, rows, columns]`, and the pictures decoded from them as whole numbers from 0 to 255; null without a decoder. */
export function tokensAndPictures(tokenizer: Tokenizer) {
  return ({ images }: Images) => {
    const tokens = tokenizer.tokenise(images);
    return { tokens, pictures: tokenizer.decode === null ? null : drawn(tokenizer.decode(tokens)) };
  };
}

/** Pictures as whole numbers from 0 to 255. */
export function drawn(pictures: tf.Tensor4D): tf.Tensor4D {
  return tf.round(tf.clipByValue(pictures, 0, 255));
}

/**
 * The hidden patches of `mask` `[batch, patches]` (at most `count` a picture) with what is predicted for them, all `[batch, count]`:
 * `patches`, `weights` (0 where a picture has fewer), `predicted`, `targets`, and `losses`, the cross-entropy in nats. The tokenizer sees
 * the same pictures at its own size, `tokenizerImages`.
 */
export function maskedPrediction(
  model: MaskedModel,
  config: VisionTransformerConfig,
  tokenizer: Tokenizer,
  count: number,
) {
  return ({ images, tokenizerImages, mask }: Images & { readonly tokenizerImages: tf.Tensor4D; mask: tf.Tensor2D }) => {
    const hidden = maskedPatches(mask, count);
    const logits = predictMasked(model, config, images, mask, hidden);
    const [batch, patches] = mask.shape;
    const tokens = tf.reshape<tf.Rank.R2>(tokenizer.tokenise(tokenizerImages), [batch, patches]);
    const targets = tf.cast(tf.gather(tokens, hidden.patches, 1, 1), "int32") as tf.Tensor2D;
    const rows = <T extends tf.Tensor>(flat: T) => tf.reshape<tf.Rank.R2>(flat, [batch, count]);
    return {
      ...hidden,
      targets,
      predicted: rows(tf.argMax(logits, 1)),
      losses: rows(crossEntropy(logits, tf.reshape(targets, [-1]))),
    };
  };
}
