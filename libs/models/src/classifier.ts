import { type Affine, initAffine, type Linear, layerNorm, linear } from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";
import {
  type VisionTransformer,
  type VisionTransformerConfig,
  type VisionTransformerOptions,
  visionTransformer,
} from "./vision-transformer.ts";
import { initHead, initVisionTransformer } from "./vision-transformer-init.ts";

/** What a classifier's head sees: the mean of the patches, as in BEiT's fine-tuning, or the class token, as in ViT and DeiT. */
export type Pool = "mean" | "class-token";

/** A vision transformer that names a class: pooled tokens, layer norm, linear. */
export type Classifier = { readonly vit: VisionTransformer; readonly norm: Affine; readonly head: Linear };

/**
 * Fresh head and norm on a pre-trained network, or on a fresh one when there is none (training from scratch).
 * @param headInitScale factor of the head's initial weights; BEiT's is .001
 */
export function initClassifier(
  key: Key,
  config: VisionTransformerConfig,
  {
    classes,
    headInitScale = 1,
    pretrained,
  }: { classes: number; headInitScale?: number; pretrained?: VisionTransformer },
): Classifier {
  const vit =
    pretrained === undefined
      ? initVisionTransformer(random.fold(key, "vit"), config, "classification")
      : forClassification(pretrained);
  return {
    vit: withOwnRelativePositions(vit),
    norm: initAffine(config.width),
    head: initHead(random.fold(key, "head"), config, classes, "classification", headInitScale),
  };
}

/** What fine-tuning keeps of a pre-trained network: not the mask token, and not the norm, which comes after the mean. */
function forClassification({ maskToken: _, norm: __, ...vit }: VisionTransformer): VisionTransformer {
  return vit;
}

/** The relative positions that all blocks shared, copied to each block, as BEiT does before fine-tuning. */
function withOwnRelativePositions({ relativePositions, ...vit }: VisionTransformer): VisionTransformer {
  if (relativePositions === undefined) return vit;
  return { ...vit, blocks: vit.blocks.map((block) => ({ ...block, relativePositions: tf.clone(relativePositions) })) };
}

/** Logits [batch, classes] of pictures with values 0..255, [batch, size, size, 3]; pools the mean unless told otherwise. */
export function classify(
  classifier: Classifier,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
  options: Omit<VisionTransformerOptions, "mask"> & { readonly pool?: Pool } = {},
): tf.Tensor2D {
  const { tokens } = visionTransformer(classifier.vit, config, pictures, options);
  return linear(classifier.head, layerNorm(classifier.norm, pooledTokens(tokens, options.pool ?? "mean")));
}

/** The pooled features [batch, width] of tokens [batch, patches + 1, width], class token first. */
export function pooledTokens(tokens: tf.Tensor3D, pool: Pool): tf.Tensor2D {
  const [batch, count, width] = tokens.shape;
  return pool === "mean"
    ? tf.mean<tf.Tensor2D>(tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]), 1)
    : tf.reshape(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width]);
}
