import { attentionShares, layerNorm, relativePositionBias } from "@peco/nn";
import { tf } from "tfjs-libtensorflow";
import {
  type Block,
  gridSide,
  type VisionTransformer,
  type VisionTransformerConfig,
  visionTransformer,
} from "./vision-transformer.ts";

/**
 * Where a vision transformer looks: the shares with which the class token of the last block takes each patch, head by head,
 * [batch, heads, patches] (DINO, `visualize_attention.py`). What is missing to 1 it takes from itself.
 * @param pictures values 0..255, [batch, size, size, 3]
 */
export function classAttention(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
): tf.Tensor3D {
  const { norm: _, ...before } = { ...vit, blocks: vit.blocks.slice(0, -1) };
  const { tokens: rows } = visionTransformer(before, { ...config, depth: config.depth - 1 }, pictures);
  const { attention, norm1, relativePositions = vit.relativePositions } = vit.blocks.at(-1) as Block;
  const side = gridSide(config);
  const tokens = side * side + 1;
  const shares = attentionShares(
    attention,
    layerNorm(norm1, tf.reshape<tf.Rank.R2>(rows, [-1, config.width])),
    { tokens, heads: config.heads },
    relativePositions && relativePositionBias(relativePositions, side, side),
  );
  const [batch, heads] = shares.shape;
  return tf.reshape(tf.slice(shares, [0, 0, 0, 1], [-1, -1, 1, -1]), [batch, heads, side * side]);
}
