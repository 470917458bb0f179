import { crossEntropy, type Linear, linear, normalisedPatches, standardise } from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";
import {
  type VisionTransformer,
  type VisionTransformerConfig,
  type VisionTransformerOptions,
  visionTransformer,
} from "./vision-transformer.ts";
import { initHead, initVisionTransformer } from "./vision-transformer-init.ts";

/** A vision transformer that predicts what masked patches hide, visual tokens or pixels: one linear layer on the final norm. */
export type MaskedModel = { readonly vit: VisionTransformer; readonly head: Linear };

/**
 * Fresh parameters for `outputs` numbers a patch: the tokenizer's codes, or `pixelCount` of the patch. The head starts as
 * the other weights do.
 */
export function initMaskedModel(key: Key, config: VisionTransformerConfig, outputs: number): MaskedModel {
  return {
    vit: initVisionTransformer(random.fold(key, "vit"), config, "pretraining"),
    head: initHead(random.fold(key, "head"), config, outputs, "pretraining"),
  };
}

/** Numbers in a patch: its pixels times three colours. */
export function pixelCount({ patch }: { patch: number }): number {
  return patch * patch * 3;
}

/** Which patches are predicted. */
export interface MaskedPatches {
  /** Patch numbers, int32 [batch, count], ascending within a picture; a picture with fewer is filled up with others. */
  readonly patches: tf.Tensor2D;
  /** float32 [batch, count]: 1, or 0 for what only fills up. */
  readonly weights: tf.Tensor2D;
}

/** The masked patches of masks [batch, patches] that hold at most `count` ones a picture. */
export function maskedPatches(mask: tf.Tensor2D, count: number): MaskedPatches {
  const { values, indices } = tf.topk<tf.Tensor2D>(tf.cast(mask, "float32"), count);
  return { patches: indices, weights: values };
}

/** The head's outputs at the masked patches alone, [batch * count, outputs]: it is the widest product, and the rest is not asked. */
export function predictMasked(
  model: MaskedModel,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
  mask: tf.Tensor2D,
  { patches }: MaskedPatches,
  options: Omit<VisionTransformerOptions, "mask"> = {},
): tf.Tensor2D {
  const { tokens } = visionTransformer(model.vit, config, pictures, { ...options, mask });
  const [batch, perPicture, width] = tokens.shape;
  const rows = tf.reshape<tf.Rank.R2>(tokens, [batch * perPicture, width]);
  return linear(model.head, tf.gather(rows, flatRows(patches, perPicture, 1)));
}

/** Mean cross-entropy of the logits against the visual tokens of the masked patches, and the share predicted right. */
export function maskedLoss(
  logits: tf.Tensor2D,
  tokens: tf.Tensor2D,
  { patches, weights }: MaskedPatches,
): { loss: tf.Scalar; accuracy: tf.Scalar } {
  const labels = tf.gather(tf.reshape(tokens, [-1]), flatRows(patches, tokens.shape[1], 0)) as tf.Tensor1D;
  const each = tf.reshape<tf.Rank.R1>(weights, [-1]);
  const total = tf.sum(each);
  const right = tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32");
  return {
    loss: tf.div(tf.sum(tf.mul(crossEntropy(logits, labels), each)), total),
    accuracy: tf.div(tf.sum(tf.mul(right, each)), total),
  };
}

/**
 * Mean squared error of predicted pixels [batch * count, pixelCount] at the masked patches. The target is the patch as the
 * network sees it, minus its own mean, over its own deviation (He et al. 2022's better target): over all its pixels and
 * colours, with n - 1 in the variance.
 * @param pictures values 0..255, [batch, size, size, 3]
 */
export function maskedPixelLoss(
  predicted: tf.Tensor2D,
  pictures: tf.Tensor4D,
  config: VisionTransformerConfig,
  { patches, weights }: MaskedPatches,
): { loss: tf.Scalar } {
  const rows = normalisedPatches(pictures, config.patch, config);
  const perPicture = rows.shape[0] / patches.shape[0];
  const values = tf.gather(rows, flatRows(patches, perPicture, 0)) as tf.Tensor2D;
  const count = values.shape[1];
  // From the variance with n, which `standardise` divides by the root of, to that with n - 1, to which 1e-6 is added.
  const ratio = (count - 1) / count;
  const target = tf.mul(standardise(values, 1e-6 * ratio), Math.sqrt(ratio));
  const each = tf.reshape<tf.Rank.R1>(weights, [-1]);
  const errors = tf.mean(tf.squaredDifference(predicted, target), 1);
  return { loss: tf.div(tf.sum(tf.mul(errors, each)), tf.sum(each)) };
}

/** Rows of [batch * perPicture, ..] at which the patches of each picture lie, when `before` rows come before its first. */
function flatRows(patches: tf.Tensor2D, perPicture: number, before: number): tf.Tensor1D {
  const [batch] = patches.shape;
  const starts = Int32Array.from({ length: batch }, (_, picture) => picture * perPicture + before);
  return tf.reshape(tf.add(patches, tf.tensor2d(starts, [batch, 1], "int32")), [-1]);
}
