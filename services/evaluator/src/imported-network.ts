import type { VisionTransformer } from "@peco/models";
import type { StageContext } from "@peco/stage";
import { readImportedVit, tensorsOf, withSize } from "@peco/training";
import { tf } from "tfjs-libtensorflow";
import type { FrozenNetwork } from "./inputs.ts";

/**
 * The network of the recipe's `finetune.weights` as it stands in its file, for pictures of `image.size`.
 *
 * @throws WeightsChanged SafetensorsError UnknownWeights WeightsMismatch
 */
export async function loadImported(context: StageContext): Promise<FrozenNetwork> {
  const { recipe } = context;
  const { config, weights } = withSize(await readImportedVit(context), recipe.image.size, recipe);
  const vit = tensorsOf<VisionTransformer>(weights);
  return { config, vit, [Symbol.dispose]: () => tf.dispose(vit as unknown as tf.TensorContainer) };
}
