import type { Store } from "@peco/artifacts";
import type { VisionTransformer, VisionTransformerConfig } from "@peco/models";
import { recipeSchema } from "@peco/recipes";
import { tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { type LoadedModel, loadModel } from "./model-artifact.ts";
import { tensorsOf } from "./nested.ts";

/** `meta.config` of an artifact that holds a vision transformer: a recipe's `image` and `vit` together. */
export const visionTransformerConfig = z.strictObject({
  ...recipeSchema.shape.image.shape,
  ...recipeSchema.shape.vit.shape,
});

/** A trained perceptual network, frozen. Inside a traced step its weights become fixed inputs. */
export interface PerceptualNetwork extends LoadedModel<VisionTransformerConfig>, Disposable {
  readonly vit: VisionTransformer;
}

/**
 * Loads a `perceptual-network` artifact, a vision transformer with its final norm, as tensors, which `dispose` frees.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadPerceptualNetwork(store: Store, digest: string): Promise<PerceptualNetwork> {
  const model = await loadModel(store, digest, ["perceptual-network"], visionTransformerConfig);
  const vit = tensorsOf<VisionTransformer>(model.weights);
  return { ...model, vit, [Symbol.dispose]: () => tf.dispose(vit as unknown as tf.TensorContainer) };
}
