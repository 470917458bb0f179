import { z } from "zod";
import { count, crop, flip, nonNegative, optimizer, partial, positive, share } from "./common.ts";

/** The stages `finetune` and `finetune-from-scratch`. */
export const finetune = z
  .strictObject({
    start: z
      .enum(["pretrained", "perceptual-network", "weights"])
      .describe("which network is fine-tuned; weights: one from a file"),
    weights: z.string().min(1).nullable().describe("a safetensors file with timm's names; null: none"),
    labels: count.nullable().describe("at most so many labelled pictures, alike in number for each class; null: all"),
    pictureSize: count.nullable().describe("pixels on a side; positions are resized to it; null: image.size"),
    positionResize: z.enum(["beit-cubic", "timm-linear"]).describe("how a table of relative positions is resized"),
    steps: count,
    fromScratchSteps: z.int().min(0).nullable().describe("steps of training from scratch; null: steps; 0: left out"),
    validateEverySteps: count
      .nullable()
      .describe("the best of these validations is reported beside the last; null: validated at the end alone"),
    batch: count,
    microBatch: count.nullable().describe("pictures computed at a time, with the result of the whole batch; null: all"),
    lrs: z
      .array(positive)
      .min(1)
      .describe("highest learning rates: each is tried, the better one on validation is taken"),
    repeats: count.describe("trainings for each learning rate"),
    smoothing: partial.describe("of labels"),
    layerDecay: share.gt(0).describe("learning rate of a block / that of the next; 1: equal"),
    dropPath: partial,
    mixGroup: count.nullable().describe("pictures that share one draw of mixup or cutmix; null: the whole batch"),
    mixup: nonNegative.describe("alpha; 0: off"),
    cutmix: nonNegative.describe("alpha; 0: off"),
    randAugment: z
      .strictObject({
        operations: count.describe("drawn for each picture"),
        magnitude: z.number().min(0).max(10),
        deviation: nonNegative.describe("of the magnitude"),
      })
      .nullable()
      .describe("null: off"),
    erase: share.describe("probability that a part of the picture is replaced by noise"),
    averageDecay: partial.describe("of a moving average of the weights, which is then evaluated, too; 0: none"),
    headInitScale: positive,
    optimizer: optimizer.omit({ lr: true }),
    views: z.strictObject({ crop, flip }),
  })
  .describe("classification, after pre-training and from scratch alike");
