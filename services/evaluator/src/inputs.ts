import type { Store } from "@peco/artifacts";
import type { MaskedModel, VisionTransformerConfig } from "@peco/models";
import { loadModel, subtree, tensorsOf, visionTransformerConfig } from "@peco/training";
import { z } from "zod";
import type { FinetunedArm } from "./classification.ts";

/** The pre-trained network with its head, as tensors that the caller frees. */
export interface PretrainedModel {
  readonly config: VisionTransformerConfig;
  readonly model: MaskedModel;
}

/** Loads a `pretrained-vit` artifact. */
export async function loadPretrained(store: Store, digest: string): Promise<PretrainedModel> {
  const { config, weights } = await loadModel(store, digest, ["pretrained-vit"], visionTransformerConfig);
  return { config, model: tensorsOf<MaskedModel>(weights) };
}

const classifierConfig = z.object({
  vit: visionTransformerConfig,
  classes: z.array(z.string()).min(2),
  lr: z.number().positive(),
  networks: z.array(z.object({ lr: z.number().positive(), validation: z.number() })).min(1),
});

/** Loads a `classifier` artifact, with all its networks. */
export async function loadFinetuned(store: Store, digest: string): Promise<FinetunedArm> {
  const { config, weights } = await loadModel(store, digest, ["classifier"], classifierConfig);
  const networks = config.networks.map((network, i) => ({ ...network, weights: subtree(weights, `networks.${i}`) }));
  return { config: config.vit, classes: config.classes, lr: config.lr, networks };
}
