import type { MaskedModel, VisionTransformer, VisionTransformerConfig } from "@peco/models";
import type { StageContext } from "@peco/stage";
import { loadModel, loadPerceptualVit, subtree, tensorsOf, visionTransformerConfig } from "@peco/training";

/** What fine-tuning starts from. */
export interface StartNetwork {
  /** Shape of the network. */
  readonly config: VisionTransformerConfig;
  /** Its weights, which the caller frees; none when training from scratch. */
  readonly vit?: VisionTransformer;
}

/**
 * The network that a stage of fine-tuning starts from, as the recipe's `finetune.start` says; training from scratch has
 * none.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadStartNetwork({ spec, store, recipe }: StageContext): Promise<StartNetwork> {
  if (spec.stage === "finetune-from-scratch") return { config: { ...recipe.image, ...recipe.vit } };
  if (recipe.finetune.start === "perceptual-network")
    return loadPerceptualVit(store, spec.inputs["perceptualNetwork"] ?? "");
  const digest = spec.inputs["pretrained"] ?? "";
  const { config, weights } = await loadModel(store, digest, ["pretrained-vit"], visionTransformerConfig);
  return { config, vit: tensorsOf<MaskedModel["vit"]>(subtree(weights, "vit")) };
}
