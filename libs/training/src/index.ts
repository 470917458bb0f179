export { type Checkpoint, StageCheckpoints } from "./checkpoint.ts";
export { openData } from "./data-input.ts";
export { type Distance, distancesOf } from "./distances.ts";
export {
  type Contribution,
  compileStep,
  type DivisibleStep,
  type HostBatch,
  partOf,
  runWhole,
  type StepRunner,
  type StepValues,
  wholeStep,
} from "./divisible-step.ts";
export { Diverged } from "./errors.ts";
export { type FrozenStep, frozenStep } from "./frozen-step.ts";
export { History, type HistoryRow, historyRow } from "./history.ts";
export { type ImportedVit, readImportedVit, withSize } from "./imported-vit.ts";
export { type Trained, type Training, train } from "./loop.ts";
export {
  type LoadedModel,
  loadModel,
  type ModelContent,
  type Preprocessing,
  preprocessing,
  publishModel,
  type WeightsOrigin,
  WrongArtifact,
} from "./model-artifact.ts";
export { subtree, tensorsOf } from "./nested.ts";
export {
  loadPerceptualNetwork,
  loadPerceptualVit,
  type PerceptualNetwork,
  type PerceptualVgg,
  type PerceptualVit,
  vgg16Config,
} from "./perceptual-network-model.ts";
export type { TrainerMetrics } from "./progress.ts";
export { type BatchSource, ReadAhead } from "./read-ahead.ts";
export { resized } from "./resized.ts";
export type { Hyper, StepBatch, StepMetrics } from "./step-batch.ts";
export { useThreads } from "./threads.ts";
export {
  clusterConfig,
  clusteredFeatures,
  loadTokenizer,
  type Tokenizer,
  type TokenizerConfig,
  type TokenizerWeights,
  tokenizerConfig,
  tokenizerOf,
  vqTokenizerConfig,
} from "./tokenizer-model.ts";
export { visionTransformerConfig } from "./vision-transformer-model.ts";
export { readWeightsFile, WeightsChanged, type WeightsFile } from "./weights-file.ts";
