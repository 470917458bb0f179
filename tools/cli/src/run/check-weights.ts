import { readFile } from "node:fs/promises";
import type { Recipe, StageName } from "@peco/recipes";
import type { HostArray } from "tfjs-libtensorflow";
import type { WeightsFiles } from "./weights-file.ts";

type Tensors = Readonly<Record<string, HostArray>>;

/** Thrown when a file of weights is not what the recipe says that it holds; names every tensor that does not fit. */
export class WeightsUnfit extends Error {
  override readonly name = "WeightsUnfit";
  readonly exitCode = 65;
  readonly path: string;
  readonly remedy =
    "Give weights of the very network that the recipe names; docs/weights.md says where each comes from and how it is converted.";
  constructor(stage: StageName, path: string, cause: Error) {
    super(`the weights that ${stage} reads, ${path}: ${cause.message}`, { cause });
    this.path = path;
  }
}

/**
 * Takes the weights over as their stages will, to refuse a file that does not fit before anything is started.
 *
 * @throws WeightsUnfit
 */
export async function checkWeights(files: WeightsFiles, recipe: Recipe): Promise<void> {
  if (files.size === 0) return;
  // Only a recipe that names weights pays for loading these.
  const { decodeSafetensors } = await import("tfjs-libtensorflow");
  const models = await import("@peco/models");
  const takeOver: Partial<Record<StageName, (tensors: Tensors) => unknown>> = {
    "perceptual-network": (tensors) => {
      const { preset } = recipe.perceptualNetwork;
      if (preset !== null) models.importPerceptualNetwork(preset, tensors, recipe.image.size);
    },
    codebook: (tensors) => models.importDallE(tensors),
    finetune: (tensors) => models.importEncoder(tensors, { ...recipe.image, ...recipe.vit }),
  };
  for (const [stage, { path }] of files) {
    try {
      takeOver[stage]?.(decodeSafetensors(await readFile(path)).tensors);
    } catch (error) {
      if (!(error instanceof Error && "exitCode" in error)) throw error;
      throw new WeightsUnfit(stage, path, error);
    }
  }
}
