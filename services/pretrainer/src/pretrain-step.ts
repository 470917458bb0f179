import {
  initMaskedModel,
  type MaskedModel,
  maskedLoss,
  maskedPatches,
  maskedPixelLoss,
  pixelCount,
  predictMasked,
  type VisionTransformerConfig,
} from "@peco/models";
import { type AdamWSlots, adamW } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { type DivisibleStep, partOf } from "@peco/training";
import { autocast, type Key, random, tf, valueAndGrad } from "tfjs-libtensorflow";

/** What pre-training keeps from step to step. */
export type PretrainState = { readonly model: MaskedModel; readonly slots: AdamWSlots };

/** What the stage's recipe and inputs say about this step. */
export interface PretrainOptions {
  readonly vit: VisionTransformerConfig;
  readonly recipe: Recipe["pretrain"];
  /** Share of residual branches left out in the last block. */
  readonly dropPath: number;
  readonly precision: Recipe["runtime"]["precision"];
  readonly recompute: Recipe["runtime"]["recompute"];
  /** The frozen tokenizer; null where the recipe's target is the pixels. */
  readonly tokenizer: {
    /** Visual tokens that it knows. */
    readonly codes: number;
    /** Tokens int32 [batch, rows, columns] of pictures with values 0..255. */
    readonly tokenise: (pictures: tf.Tensor4D) => tf.Tensor;
  } | null;
}

/** The state before the first step. */
export function initPretraining({ vit, recipe, tokenizer }: PretrainOptions, key: Key): PretrainState {
  const model = initMaskedModel(key, vit, tokenizer === null ? pixelCount(vit) : tokenizer.codes);
  return { model, slots: adamW(recipe.optimizer).init(model) };
}

/** What a part of a batch gives: means over its masked patches. */
type Means = {
  readonly grad: MaskedModel;
  readonly figures: { readonly loss: tf.Scalar; readonly accuracy?: tf.Scalar };
};

/**
 * One step of masked image modelling as in BEiT: what the hidden patches are, their tokens or their pixels, is predicted
 * from the visible ones. Its batch holds `view1` for the network, `view2` of the same window for the tokenizer, both 0..255,
 * `mask` [batch, patches], and the scheduled `lr`. Tokens are made here, in the same program and outside autocast. In parts,
 * the recipe's `lossMean` says whether the loss is a mean over all masked patches or over the parts' means.
 */
export function pretrainStep(options: PretrainOptions): DivisibleStep<PretrainState, Means, Record<string, never>> {
  const { vit, recipe, precision, tokenizer } = options;
  const optimizer = adamW(recipe.optimizer);
  return {
    contribution(state, batch, key) {
      const mask = batch.data["mask"] as tf.Tensor2D;
      const pictures = batch.data["view1"] as tf.Tensor4D;
      const hidden = maskedPatches(mask, recipe.mask.count);
      const tokens =
        tokenizer && tf.reshape<tf.Rank.R2>(tokenizer.tokenise(batch.data["view2"] as tf.Tensor4D), mask.shape);
      const dropPath = {
        rate: options.dropPath,
        key: random.fold(key, "drop path"),
        part: partOf(batch, recipe.batch),
      };
      const { loss, aux, grad } = autocast(precision, () =>
        valueAndGrad((model: MaskedModel) => {
          const how = { recompute: options.recompute === "blocks", ...(dropPath.rate > 0 && { dropPath }) };
          const predicted = predictMasked(model, vit, pictures, mask, hidden, how);
          const { loss, ...aux } =
            tokens === null ? maskedPixelLoss(predicted, pictures, vit, hidden) : maskedLoss(predicted, tokens, hidden);
          return { loss, aux };
        })(state.model),
      );
      const weight = recipe.lossMean === "batch" ? tf.sum<tf.Scalar>(hidden.weights) : tf.scalar(1);
      return { weight, means: { grad: grad as MaskedModel, figures: { loss, ...aux } }, sums: {} };
    },
    update(state, { means: { grad, figures } }, hyper) {
      const at = { lr: hyper["lr"] as tf.Scalar, loss: figures.loss };
      const { params: model, slots, gradNorm, finite } = optimizer.update(grad, state.slots, state.model, at);
      return { state: { model, slots }, metrics: { ...figures, gradNorm, finite } };
    },
  };
}
