import type { Store } from "@peco/artifacts";
import type { VisionTransformer, VisionTransformerConfig } from "@peco/models";
import { recipeSchema } from "@peco/recipes";
import { z } from "zod";
import { type LoadedModel, loadModel } from "./model-artifact.ts";
import { tensorsOf } from "./nested.ts";

/** `meta.config` of an artifact that holds a vision transformer: a recipe's `image` and `vit` together. */
export const visionTransformerConfig = z.strictObject({
  ...recipeSchema.shape.image.shape,
  ...recipeSchema.shape.vit.shape,
});

/**
 * Loads the `perceptual-network` artifact: a vision transformer with its final norm, as eager tensors which the caller
 * disposes.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadPerceptualNetwork(
  store: Store,
  digest: string,
): Promise<LoadedModel<VisionTransformerConfig> & { readonly vit: VisionTransformer }> {
  const model = await loadModel(store, digest, ["perceptual-network"], visionTransformerConfig);
  return { ...model, vit: tensorsOf<VisionTransformer>(model.weights) };
}
