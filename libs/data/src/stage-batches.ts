import type { BatchSpec } from "./batch-spec.ts";
import type { ViewOptions } from "./views.ts";

/** The parts of a recipe that batches follow from; a whole recipe is one. */
export interface BatchRecipe {
  readonly image: { readonly size: number; readonly patch: number };
  readonly perceptualNetwork: { readonly batch: number; readonly views: ViewOptions };
  readonly codebook: { readonly batch: number; readonly channels: readonly unknown[]; readonly views: ViewOptions };
  readonly pretrain: {
    readonly batch: number;
    readonly mask: {
      readonly count: number;
      readonly minBlock: number;
      readonly form: "at-most" | "exactly" | "random";
    };
    readonly views: ViewOptions;
  };
  readonly finetune: { readonly batch: number; readonly labels?: number | null; readonly views: ViewOptions };
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

/**
 * The training batches of a stage as its recipe has them: one place that trainers and masking service share, so that both make the same
 * bytes. A stage that trains several networks gives each its own order: `{ ...stageBatches(...), stage: "finetune/lr 0.001/0" }`.
 */
export function stageBatches<S extends BatchStage>(
  stage: S,
  recipe: BatchRecipe,
  seed: number | bigint,
): StageBatchSpec<S>;
export function stageBatches(stage: BatchStage, recipe: BatchRecipe, seed: number | bigint): BatchSpec {
  const { size, patch } = recipe.image;
  const common = { pictures: { split: "train" as const }, size, seed, stage };
  switch (stage) {
    case "perceptual-network": {
      const { batch, views } = recipe.perceptualNetwork;
      return { kind: "two-views", ...common, batch, views };
    }
    case "codebook": {
      const { batch, views } = recipe.codebook;
      return { kind: "one-view", ...common, batch, views };
    }
    case "pretrain": {
      const { batch, views, mask } = recipe.pretrain;
      const grid = size / patch;
      // As many pixels as give the tokenizer one token for each patch: each of its convolutions halves the sides.
      const tokenizerSize = grid * 2 ** recipe.codebook.channels.length;
      return { kind: "masked", ...common, batch, views, tokenizerSize, mask: { rows: grid, columns: grid, ...mask } };
    }
    case "finetune":
    case "finetune-from-scratch": {
      const { batch, labels, views } = recipe.finetune;
      const pictures = { split: "train" as const, labelled: true, ...(labels != null && { balanced: labels }) };
      return { kind: "labelled", ...common, pictures, batch, views };
    }
  }
}
