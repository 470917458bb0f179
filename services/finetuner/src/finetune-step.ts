import {
  type Classifier,
  classify,
  initClassifier,
  type VisionTransformer,
  type VisionTransformerConfig,
} from "@peco/models";
import {
  type AdamWSlots,
  accuracy,
  adamW,
  erase,
  exponentialMovingAverage,
  layerWiseLrDecay,
  mixBatch,
  onlyIfFinite,
  smoothedOneHot,
  softCrossEntropy,
} from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { type DivisibleStep, partOf } from "@peco/training";
import { autocast, type Key, mapTree, random, tf, valueAndGrad } from "tfjs-libtensorflow";

/** What fine-tuning keeps from step to step. */
export type FinetuneState = {
  readonly classifier: Classifier;
  readonly slots: AdamWSlots;
  /** Moving average of the classifier, where the recipe's `averageDecay` is above 0. */
  readonly average?: Classifier;
};

/** What the stage's recipe says about this step. */
export interface FinetuneOptions {
  readonly vit: VisionTransformerConfig;
  readonly recipe: Recipe["finetune"];
  readonly precision: Recipe["runtime"]["precision"];
  readonly recompute: Recipe["runtime"]["recompute"];
  readonly classes: number;
}

function optimizerOf({ vit, recipe }: FinetuneOptions) {
  const lrScale = ({ path }: { path: string }) => layerWiseLrDecay(path, vit.depth, recipe.layerDecay);
  return adamW({ ...recipe.optimizer, lrScale });
}

/** The state before the first step: a fresh head on a copy of the pre-trained network, or on a fresh one. */
export function initFinetuning(options: FinetuneOptions, key: Key, pretrained?: VisionTransformer): FinetuneState {
  const { vit, classes, recipe } = options;
  const { headInitScale } = recipe;
  // What is given out belongs to the caller, and the pre-trained network starts the next repeat, too.
  return tf.tidy(() => {
    const start = pretrained === undefined ? {} : { pretrained: mapTree(pretrained, tf.clone) as VisionTransformer };
    const classifier = initClassifier(key, vit, { classes, headInitScale, ...start });
    const slots = optimizerOf(options).init(classifier);
    const average = recipe.averageDecay > 0 ? { average: mapTree(classifier, tf.clone) as Classifier } : {};
    return { classifier, slots, ...average } as FinetuneState & tf.TensorContainerObject;
  });
}

/** What a part of a batch gives: means over its pictures. */
type Means = {
  readonly grad: Classifier;
  readonly figures: { readonly loss: tf.Scalar; readonly accuracy: tf.Scalar };
};

/**
 * One step of fine-tuning as in BEiT: cross-entropy against smoothed labels, mixed by mixup and cutmix where they are on.
 * Its batch holds `images`, 0..255, `labels` int32 [batch], the boxes `erase` int32 [batch, 4] where parts of pictures are
 * erased, and the scheduled `lr`. `accuracy` is of the pictures as they
 * were shown, so it means little where they are mixed.
 */
export function finetuneStep(options: FinetuneOptions): DivisibleStep<FinetuneState, Means, Record<string, never>> {
  const { vit, recipe, precision, classes } = options;
  const { mixup, cutmix } = recipe;
  const optimizer = optimizerOf(options);
  return {
    contribution({ classifier }, batch, key) {
      const labels = batch.data["labels"] as tf.Tensor1D;
      const part = partOf(batch, recipe.batch);
      const { images, erase: boxes } = batch.data as { images: tf.Tensor4D; erase?: tf.Tensor2D };
      const pictures = boxes === undefined ? images : erase(random.fold(key, "erase"), images, boxes, vit, part);
      const shown = mixBatch(
        random.fold(key, "mix"),
        { pictures, targets: smoothedOneHot(labels, classes, recipe.smoothing) },
        { mixup, cutmix, group: recipe.mixGroup ?? undefined },
        part,
      );
      const dropPath = { rate: recipe.dropPath, key: random.fold(key, "drop path"), part };
      const { loss, aux, grad } = autocast(precision, () =>
        valueAndGrad((classifier: Classifier) => {
          const how = { recompute: options.recompute === "blocks", ...(recipe.dropPath > 0 && { dropPath }) };
          const logits = classify(classifier, vit, shown.pictures, how);
          const loss = tf.mean<tf.Scalar>(softCrossEntropy(logits, shown.targets));
          return { loss, aux: { accuracy: accuracy(logits, labels) } };
        })(classifier),
      );
      return { weight: tf.scalar(1), means: { grad: grad as Classifier, figures: { loss, ...aux } }, sums: {} };
    },
    update(state, { means: { grad, figures } }, hyper) {
      const at = { lr: hyper["lr"] as tf.Scalar, loss: figures.loss };
      const updated = optimizer.update(grad, state.slots, state.classifier, at);
      const { params: classifier, slots, gradNorm, finite } = updated;
      const average = averaged(state.average, classifier, finite, recipe.averageDecay);
      return { state: { classifier, slots, ...average }, metrics: { ...figures, gradNorm, finite } };
    },
  };
}

/** The moving average after a step, as timm's first `ModelEma`: it starts as a copy, without a warm-up. */
function averaged(
  average: Classifier | undefined,
  classifier: Classifier,
  finite: tf.Scalar,
  decay: number,
): { average?: Classifier } {
  if (average === undefined) return {};
  return { average: onlyIfFinite(finite, exponentialMovingAverage(average, classifier, decay), average) };
}
