import { basename } from "node:path";
import {
  type DialectName,
  importEncoder,
  type VisionTransformer,
  type VisionTransformerConfig,
  withPictureSize,
} from "@peco/models";
import type { Recipe } from "@peco/recipes";
import type { StageContext } from "@peco/stage";
import {
  loadModel,
  loadPerceptualVit,
  readWeightsFile,
  subtree,
  tensorsOf,
  visionTransformerConfig,
  type WeightsOrigin,
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
  const { config, weights, ...rest } = await found(context);
  const wanted = { ...config, size };
  const resized =
    size === config.size ? weights : withPictureSize(weights, config, wanted, recipe.finetune.positionResize);
  return { config: wanted, vit: tensorsOf<VisionTransformer>(resized), ...rest };
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
  const { digest, tensors } = await readWeightsFile(context);
  const { vit, weights, dialect, licence } = importEncoder(tensors, { ...context.recipe.image, ...context.recipe.vit });
  const file = basename(context.spec.weights ?? "");
  context.emit({ kind: "note", text: licenceNote(file, dialect, licence) });
  const origin = { preset: dialect, digest, licence: licence ?? "unknown" };
  return { config: configOf(vit, context.recipe), weights, origin };
}

function licenceNote(file: string, dialect: DialectName, licence: string | null): string {
  if (licence !== null) return `the weights of ${file} (${dialect}) are under ${licence}`;
  return `the licence of the weights of ${file} is unknown: files of several publishers have its names (${dialect}); see where it came from`;
}

/** The network's own shape with what a recipe's `image` and `vit` have beside it. */
function configOf(own: VisionTransformerConfig, { image, vit }: Recipe): VisionTransformerConfig {
  return { ...image, ...vit, ...own };
}
