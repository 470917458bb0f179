import { type ImportedEncoder, importEncoder, type VisionTransformerConfig, withPictureSize } from "@peco/models";
import type { Recipe } from "@peco/recipes";
import type { StageContext } from "@peco/stage";
import { readWeightsFile } from "./weights-file.ts";

/** A vision transformer from a file of somebody else's weights, on the host. */
export interface ImportedVit extends Omit<ImportedEncoder, "vit"> {
  /** Its own shape, with what the recipe's `image` and `vit` have beside it. */
  readonly config: VisionTransformerConfig;
  /** SHA-256 of the file. */
  readonly digest: string;
}

/**
 * Reads the encoder of the stage's file of weights.
 *
 * @throws WeightsChanged SafetensorsError UnknownWeights WeightsMismatch
 */
export async function readImportedVit(context: StageContext): Promise<ImportedVit> {
  const { image, vit: shape } = context.recipe;
  const { digest, tensors } = await readWeightsFile(context);
  const { vit: own, ...rest } = importEncoder(tensors, { ...image, ...shape });
  return { ...rest, config: { ...image, ...shape, ...own }, digest };
}

/** The same for pictures of another size: learned positions are resized as the recipe's `finetune.positionResize` says. */
export function withSize<T extends Pick<ImportedVit, "config" | "weights">>(
  vit: T,
  size: number,
  { finetune }: Pick<Recipe, "finetune">,
): T {
  const { config, weights } = vit;
  if (size === config.size) return vit;
  const wanted = { ...config, size };
  return { ...vit, config: wanted, weights: withPictureSize(weights, config, wanted, finetune.positionResize) };
}
