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
import type { StepBatch, StepMetrics } from "@peco/training";
import { autocast, type Key, random, type Step, tf, valueAndGrad } from "tfjs-libtensorflow";

/** What pre-training keeps from step to step. */
export type PretrainState = { readonly model: MaskedModel; readonly slots: AdamWSlots };

/** What the stage's recipe and inputs say about this step. */
export interface PretrainOptions {
  readonly vit: VisionTransformerConfig;
  readonly recipe: Recipe["pretrain"];
  /** Share of residual branches left out in the last block. */
  readonly dropPath: number;
  readonly precision: Recipe["runtime"]["precision"];
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

/**
 * One step of masked image modelling as in BEiT: what the hidden patches are, their tokens or their pixels, is predicted
 * from the visible ones. Its batch holds `view1` for the network, `view2` of the same window for the tokenizer, both 0..255, `mask`
 * [batch, patches], and the scheduled `lr`. Tokens are made here, in the same program and outside autocast.
 */
export function pretrainStep(options: PretrainOptions): Step<PretrainState, StepBatch, StepMetrics> {
  const { vit, recipe, precision, tokenizer } = options;
  const optimizer = adamW(recipe.optimizer);
  return (state, { data, hyper }, key) => {
    const mask = data["mask"] as tf.Tensor2D;
    const pictures = data["view1"] as tf.Tensor4D;
    const lr = hyper["lr"] as tf.Scalar;
    const hidden = maskedPatches(mask, recipe.mask.count);
    const tokens = tokenizer && tf.reshape<tf.Rank.R2>(tokenizer.tokenise(data["view2"] as tf.Tensor4D), mask.shape);
    const dropped =
      options.dropPath > 0 ? { dropPath: { rate: options.dropPath, key: random.fold(key, "drop path") } } : {};
    const { loss, aux, grad } = autocast(precision, () =>
      valueAndGrad((model: MaskedModel) => {
        const predicted = predictMasked(model, vit, pictures, mask, hidden, dropped);
        const { loss, ...aux } =
          tokens === null ? maskedPixelLoss(predicted, pictures, vit, hidden) : maskedLoss(predicted, tokens, hidden);
        return { loss, aux };
      })(state.model),
    );
    const updated = optimizer.update(grad as MaskedModel, state.slots, state.model, { lr, loss });
    const { params: model, slots, gradNorm, finite } = updated;
    return { state: { model, slots }, metrics: { loss, gradNorm, finite, ...aux } };
  };
}
