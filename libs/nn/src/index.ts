export { type AdamWOptions, type AdamWSlots, adamW, type Optimizer, type Rate, type Updated } from "./adamw.ts";
export { type Attention, attention, attentionShares, type Qkv } from "./attention.ts";
export { batchNorm } from "./batch-norm.ts";
export {
  type Conv2d,
  type Conv2dShape,
  conv2d,
  conv2dTranspose,
  initConv2d,
  initConv2dTranspose,
} from "./convolution.ts";
export { accuracy, crossEntropy, meanSquaredError, smoothedOneHot, softCrossEntropy } from "./cross-entropy.ts";
export { dropPath, dropPathRates } from "./drop-path.ts";
export { exponentialMovingAverage } from "./ema.ts";
export { onlyIfFinite } from "./finite-gate.ts";
export { gelu } from "./gelu.ts";
export { groupCount, groupNorm } from "./group-norm.ts";
export { kaimingUniform, truncatedNormal, xavierUniform } from "./initialisers.ts";
export { type Affine, initAffine, layerNorm, standardise, standardiseAlong } from "./layer-norm.ts";
export { layerWiseLrDecay } from "./layer-wise-lr-decay.ts";
export { initLinear, type Linear, linear } from "./linear.ts";
export { drawMixing, type Labelled, type MixDraws, type MixOptions, mixBatch, mixGroups } from "./mixup-cutmix.ts";
export { type Mlp, mlp } from "./mlp.ts";
export { type PartOfBatch, uniformEach } from "./part-of-batch.ts";
export { type Normalisation, normalisedPatches, normalisePictures, patches } from "./patches.ts";
export { erase, eraseWith } from "./random-erasing.ts";
export { relativePositionBias, relativePositionCount, relativePositionIndex } from "./relative-position-bias.ts";
export { lrSchedule, type WarmupCosine, warmupCosine } from "./schedules.ts";
export { Stack } from "./stack.ts";
export { leaves, type Named, withLeaves } from "./tree.ts";
export { decaysByDefault } from "./weight-decay.ts";
