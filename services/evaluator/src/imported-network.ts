import { importEncoder, type VisionTransformer, withPictureSize } from "@peco/models";
import type { StageContext } from "@peco/stage";
import { readWeightsFile, tensorsOf } from "@peco/training";
import { tf } from "tfjs-libtensorflow";
import type { FrozenNetwork } from "./inputs.ts";

/**
 * The network of the recipe's `finetune.weights` as it stands in its file, read as fine-tuning reads it, for pictures of `image.size`:
 * positions that were learned for another size are resized as `finetune.positionResize` says.
 *
 * @throws WeightsChanged SafetensorsError UnknownWeights WeightsMismatch
 */
export async function loadImported(context: StageContext): Promise<FrozenNetwork> {
  const { image, vit: shape, finetune } = context.recipe;
  const { tensors } = await readWeightsFile(context);
  const { vit: own, weights } = importEncoder(tensors, { ...image, ...shape });
  const config = { ...image, ...shape, ...own, size: image.size };
  const resized = own.size === image.size ? weights : withPictureSize(weights, own, config, finetune.positionResize);
  const vit = tensorsOf<VisionTransformer>(resized);
  return { config, vit, [Symbol.dispose]: () => tf.dispose(vit as unknown as tf.TensorContainer) };
}
