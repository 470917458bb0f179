import type { BatchSpec } from "./batch-spec.ts";
import type { Division } from "./micro-batches.ts";
import { fillOf, type RandAugmentOptions } from "./rand-augment.ts";
import type { ViewOptions } from "./views.ts";

/** The parts of a recipe that batches follow from; a whole recipe is one. */
export interface BatchRecipe {
  readonly image: { readonly size: number; readonly patch: number; readonly mean?: readonly [number, number, number] };
  readonly perceptualNetwork: { readonly batch: number; readonly views: ViewOptions };
  readonly codebook: Divided & {
    readonly source?: "vq" | "feature-kmeans" | "dall-e";
    readonly pictureSize?: number | null;
    readonly channels: readonly unknown[];
    readonly views: ViewOptions;
  };
  readonly pretrain: Divided & {
    readonly target: "tokens" | "pixels";
    readonly mask: {
      readonly count: number;
      readonly minBlock: number;
      readonly form: "at-most" | "exactly" | "random";
    };
    readonly views: ViewOptions;
  };
  readonly finetune: Divided & {
    readonly labels?: number | null;
    readonly pictureSize?: number | null;
    readonly mixGroup?: number | null;
    readonly mixup?: number;
    readonly cutmix?: number;
    readonly randAugment?: Omit<RandAugmentOptions, "fill"> | null;
    readonly erase?: number;
    readonly views: ViewOptions;
  };
}

/** A batch, and how many of its pictures are computed at a time; null: all. */
interface Divided {
  readonly batch: number;
  readonly microBatch?: number | null;
}

/** Pixels along a side of the pictures of which the tokenizer makes one token for each patch. */
export function tokenizerPictureSize({ image, codebook }: Pick<BatchRecipe, "image" | "codebook">): number {
  const grid = image.size / image.patch;
  // as many as give the perceptual network that grid, which its stage checks
  if (codebook.source === "feature-kmeans") return codebook.pictureSize ?? image.size;
  // each of the encoder's convolutions halves the sides; DALL-E's pools three times
  return grid * 2 ** (codebook.source === "dall-e" ? 3 : codebook.channels.length);
}

/** The kind of a stage's training batches. */
export interface StageBatchKinds {
  "perceptual-network": "two-views";
  codebook: "one-view";
  pretrain: "masked";
  finetune: "labelled";
  "finetune-from-scratch": "labelled";
}

/** A stage that trains on batches of pictures. */
export type BatchStage = keyof StageBatchKinds;

/** The specification of a stage's training batches. */
export type StageBatchSpec<S extends BatchStage> = Extract<BatchSpec, { kind: StageBatchKinds[S] }>;

/** How a stage's batch is computed in parts, as its recipe has it; null: as a whole. */
export function stageDivision(stage: BatchStage, recipe: BatchRecipe): Division | null {
  if (stage === "perceptual-network") return null;
  const { batch, microBatch } = recipe[stage === "finetune-from-scratch" ? "finetune" : stage];
  if (microBatch == null || microBatch === batch) return null;
  const { mixup = 0, cutmix = 0, mixGroup } = recipe.finetune;
  const mixed = (stage === "finetune" || stage === "finetune-from-scratch") && (mixup > 0 || cutmix > 0);
  return { batch, microBatch, mixGroup: mixed ? (mixGroup ?? batch) : null };
}

/**
 * The training batches of a stage as its recipe has them: one place that trainers and masking service share, so that both make the same
 * bytes; where it divides its batches, those are given in parts. A stage that trains several networks gives each
 * its own order: `{ ...stageBatches(...), stage: "finetune/lr 0.001/0" }`.
 */
export function stageBatches<S extends BatchStage>(
  stage: S,
  recipe: BatchRecipe,
  seed: number | bigint,
): StageBatchSpec<S>;
/** The same for any stage. */
export function stageBatches(stage: BatchStage, recipe: BatchRecipe, seed: number | bigint): BatchSpec {
  const { size, patch } = recipe.image;
  const division = stageDivision(stage, recipe);
  const divided = division && { division: { microBatch: division.microBatch, mixGroup: division.mixGroup } };
  const common = { pictures: { split: "train" as const }, size, seed, stage, ...divided };
  switch (stage) {
    case "perceptual-network": {
      const { batch, views } = recipe.perceptualNetwork;
      return { kind: "two-views", ...common, batch, views };
    }
    case "codebook": {
      const { batch, views, pictureSize } = recipe.codebook;
      return { kind: "one-view", ...common, size: pictureSize ?? size, batch, views };
    }
    case "pretrain": {
      const { batch, views, mask } = recipe.pretrain;
      const grid = size / patch;
      // pixels as targets need no tokenizer's view
      const tokenizerSize = recipe.pretrain.target === "pixels" ? null : tokenizerPictureSize(recipe);
      return { kind: "masked", ...common, batch, views, tokenizerSize, mask: { rows: grid, columns: grid, ...mask } };
    }
    case "finetune":
    case "finetune-from-scratch": {
      const { batch, labels, pictureSize, randAugment, erase } = recipe.finetune;
      const pictures = { split: "train" as const, labelled: true, ...(labels != null && { balanced: labels }) };
      // What comes from outside a picture has the mean's colour, as with timm.
      const fill = fillOf(recipe.image.mean ?? [0.5, 0.5, 0.5]);
      const views = { ...recipe.finetune.views, ...(randAugment && { randAugment: { ...randAugment, fill } }) };
      return {
        kind: "labelled",
        ...common,
        pictures,
        size: pictureSize ?? size,
        batch,
        views,
        ...(erase && { erase }),
      };
    }
  }
}
