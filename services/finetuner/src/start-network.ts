import { basename } from "node:path";
import type { DialectName, VisionTransformer, VisionTransformerConfig } from "@peco/models";
import type { StageContext } from "@peco/stage";
import {
  loadModel,
  loadPerceptualVit,
  readImportedVit,
  subtree,
  tensorsOf,
  visionTransformerConfig,
  type WeightsOrigin,
  withSize,
} from "@peco/training";
import type { HostArray } from "tfjs-libtensorflow";

/** What fine-tuning starts from. */
export interface StartNetwork {
  /** Shape of the network, for pictures of the size that it is fine-tuned with. */
  readonly config: VisionTransformerConfig;
  /** Its weights, which the caller frees; none when training from scratch. */
  readonly vit?: VisionTransformer;
  /** Whose weights they are, where they come from a file. */
  readonly origin?: WeightsOrigin;
}

/** A network as it was found. */
interface Found {
  readonly config: VisionTransformerConfig;
  /** By path in a vision transformer. */
  readonly weights: Readonly<Record<string, HostArray>>;
  readonly origin?: WeightsOrigin;
}

/**
 * The network that a stage of fine-tuning starts from, as the recipe's `finetune.start` says, with its positions resized
 * where `finetune.pictureSize` differs from the size that it was trained with; training from scratch has none. The licence
 * of somebody else's weights is said in a note.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 * @throws WeightsChanged SafetensorsError UnknownWeights WeightsMismatch of a file of weights
 */
export async function loadStartNetwork(context: StageContext): Promise<StartNetwork> {
  const { spec, recipe } = context;
  const size = recipe.finetune.pictureSize ?? recipe.image.size;
  if (spec.stage === "finetune-from-scratch") return { config: { ...recipe.image, ...recipe.vit, size } };
  const { config, weights, ...rest } = withSize(await found(context), size, recipe);
  return { config, vit: tensorsOf<VisionTransformer>(weights), ...rest };
}

function found(context: StageContext): Promise<Found> {
  switch (context.recipe.finetune.start) {
    case "pretrained":
      return fromPretraining(context);
    case "perceptual-network":
      return fromPerceptualNetwork(context);
    case "weights":
      return fromFile(context);
  }
}

async function fromPretraining({ spec, store }: StageContext): Promise<Found> {
  const digest = spec.inputs["pretrained"] ?? "";
  const { config, weights } = await loadModel(store, digest, ["pretrained-vit"], visionTransformerConfig);
  return { config, weights: subtree(weights, "vit") };
}

async function fromPerceptualNetwork({ spec, store }: StageContext): Promise<Found> {
  using network = await loadPerceptualVit(store, spec.inputs["perceptualNetwork"] ?? "");
  return { config: network.config, weights: network.weights };
}

async function fromFile(context: StageContext): Promise<Found> {
  const { config, weights, digest, dialect, licence } = await readImportedVit(context);
  context.emit({ kind: "note", text: licenceNote(basename(context.spec.weights ?? ""), dialect, licence) });
  return { config, weights, origin: { preset: dialect, digest, licence: licence ?? "unknown" } };
}

function licenceNote(file: string, dialect: DialectName, licence: string | null): string {
  if (licence !== null) return `the weights of ${file} (${dialect}) are under ${licence}`;
  return `the licence of the weights of ${file} is unknown: files of several publishers have its names (${dialect}); see where it came from`;
}
