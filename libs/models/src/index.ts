export { classAttention } from "./class-attention.ts";
export { type Classifier, classify, initClassifier, type Pool, pooledTokens } from "./classifier.ts";
export {
  type Codebook,
  type CodeKind,
  codeCounts,
  nearestCodes,
  type Quantised,
  type QuantiseOptions,
  quantise,
  startCodebook,
} from "./codebook.ts";
export { codebookPerplexity, codebookUsage } from "./codebook-metrics.ts";
export {
  type CodebookRestart,
  type CodebookUpdate,
  type CodeStatistics,
  codeStatistics,
  deadCodes,
  restartDeadCodes,
  updateCodebook,
} from "./codebook-update.ts";
export { type DallEEncoder, dallEEncoder, dallELogits } from "./dall-e-encoder.ts";
export { type Architecture, hiddenWidth, type NetworkRole, weightShapes } from "./interchange/architecture.ts";
export { type DialectName, detectDialect, tensorShapesOf } from "./interchange/dialects.ts";
export { type ExportedWeights, exportWeights, type TimmModel } from "./interchange/export-weights.ts";
export { type DallEShape, dallEShape, importDallE } from "./interchange/import-dall-e.ts";
export { type ImportedEncoder, importEncoder, type KnownEncoder } from "./interchange/import-encoder.ts";
export { type ImportedWeights, type ImportOptions, importWeights } from "./interchange/import-weights.ts";
export { type KnownModel, knownModels, type PictureRecipe } from "./interchange/known-models.ts";
export type { NamedTensors, StatedArchitecture } from "./interchange/read-architecture.ts";
export {
  describeMisfit,
  type Misfit,
  UnknownWeights,
  WeightsMismatch,
  type WrongTensor,
} from "./interchange/weights-mismatch.ts";
export { type KMeansOptions, kMeans, lloydRound } from "./kmeans.ts";
export {
  initMaskedModel,
  type MaskedModel,
  type MaskedPatches,
  maskedLoss,
  maskedPatches,
  maskedPixelLoss,
  pixelCount,
  predictMasked,
} from "./masked-modelling.ts";
export {
  type Encoder,
  followQuery,
  initialMocoKey,
  initMoco,
  type MocoHeads,
  type MocoKey,
  type MocoLoss,
  type MocoQuery,
  mocoKeys,
  mocoLoss,
  type ViewPair,
} from "./moco.ts";
export { initMocoHead, type MocoHead, type MocoHeadLayer, mocoHead } from "./moco-head.ts";
export { type ContrastiveLoss, contrastiveLoss, keyDeviation, unitRows } from "./moco-loss.ts";
export { keyMomentum } from "./moco-momentum.ts";
export {
  adaptiveWeight,
  discriminate,
  hingeLoss,
  initPatchDiscriminator,
  type PatchDiscriminator,
  type PatchDiscriminatorConfig,
} from "./patch-discriminator.ts";
export {
  type FeatureDistance,
  type FeatureNorm,
  featureDistances,
  meanOverLayers,
  normaliseFeatures,
  perceptualLoss,
} from "./perceptual-loss.ts";
export { classToken, perceptualFeatures } from "./perceptual-network.ts";
export {
  importPerceptualNetwork,
  type PerceptualPreset,
  type PerceptualPresetName,
  perceptualPresets,
} from "./perceptual-presets.ts";
export {
  type PositionResize,
  resizeLearnedPositions,
  resizeRelativePositions,
  withPictureSize,
} from "./position-resize.ts";
export { sinCosPositions } from "./sin-cos-positions.ts";
export { lpipsFeatures, type Vgg16, vgg16Convolutions, vgg16Widths } from "./vgg16.ts";
export {
  type Block,
  gridSide,
  type VisionTransformer,
  type VisionTransformerConfig,
  type VisionTransformerOptions,
  type VisionTransformerOutput,
  visionTransformer,
} from "./vision-transformer.ts";
export { initHead, initVisionTransformer, type VisionTransformerRole } from "./vision-transformer-init.ts";
export {
  decode,
  decodeTokens,
  encode,
  encodeTokens,
  initVqAutoencoder,
  lastKernel,
  type VqAutoencoder,
  type VqAutoencoderConfig,
  withLastKernel,
} from "./vq-autoencoder.ts";
export {
  type Features,
  firstRatio,
  type Reconstructed,
  type ReconstructionLossOptions,
  type ReconstructionTerms,
  reconstruct,
  reconstructionTerms,
  type VqLoss,
  type VqLossOptions,
  type VqParameters,
  vqLoss,
  weightedCodeTerms,
  weightedTerms,
} from "./vq-loss.ts";
export { withoutGradient } from "./without-gradient.ts";
