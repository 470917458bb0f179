import { tf } from "tfjs-libtensorflow";
import {
  type VisionTransformer,
  type VisionTransformerConfig,
  type VisionTransformerOptions,
  visionTransformer,
} from "./vision-transformer.ts";
import type { Features } from "./vq-loss.ts";

/**
 * The features by which a vision transformer compares pictures: outputs of the blocks `layers` (from 1) without the class
 * token, [batch, patches, width] each. Its parameters are constants: gradients flow into the pictures alone.
 */
export function perceptualFeatures(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  layers: readonly number[],
): Features {
  const depth = Math.max(...layers);
  const used = { ...vit, blocks: vit.blocks.slice(0, depth) };
  return (pictures) => {
    const { blocks } = visionTransformer(used, { ...config, depth }, pictures);
    return layers.map((layer) => tf.slice(blocks[layer - 1] as tf.Tensor3D, [0, 1, 0], [-1, -1, -1]));
  };
}

/** The class token [batch, width] after the final norm: what MoCo v3 trains. */
export function classToken(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
  options: Pick<VisionTransformerOptions, "recompute"> = {},
): tf.Tensor2D {
  const { tokens } = visionTransformer(vit, config, pictures, options);
  return tf.reshape(tf.slice(tokens, [0, 0, 0], [-1, 1, -1]), [-1, config.width]);
}
