export {
  type AnyBatch,
  type BatchKinds,
  type BatchOf,
  type BatchSource,
  type BatchSpec,
  batchSpec,
  type FiniteBatchSource,
  type InOrder,
  type Labelled,
  type Masked,
  type OneView,
  type Selection,
  type TwoViews,
} from "./batch-spec.ts";
export { Dataset, type PackParts, parseSpec } from "./dataset.ts";
export { decodePicture, type RawPixels, UndecodablePicture } from "./decode.ts";
export {
  BatchOptionsError,
  ClassesDiffer,
  ClassTooSmall,
  CorruptPack,
  CorruptPicture,
  DataError,
  FileChanged,
  FolderUnusable,
  MixedLayout,
  OneClassOnly,
  TooFewPictures,
  WorkerFailed,
} from "./errors.ts";
export { generatedClasses, generatedPicture } from "./generated-picture.ts";
export { gaussianBlur } from "./gaussian-blur.ts";
export { type GeneratedOptions, type GeneratedSet, readGeneratedSet, writeGeneratedSet } from "./generated-set.ts";
export type { HostInt32, HostUint8 } from "./host-array.ts";
export { type IdentifiedFile, type IdentifiedFolder, type IdentifyOptions, identifyFolder } from "./identify-folder.ts";
export { type DataMeta, type PackedData, packFolder, packGenerated } from "./pack-data.ts";
export { type PackedPicture, type PackIndex, packIndex, type SkippedFile, type Split } from "./pack-index.ts";
export type { PackOptions } from "./pack-pictures.ts";
export type { Picture } from "./picture.ts";
export { centerCrop, makePlainView, resizeShorterSide } from "./plain-view.ts";
export { type Filter, filters } from "./resample-weights.ts";
export { type Box, resizeBox } from "./resize.ts";
export { type FolderContents, type FoundFile, pictureEndings, scanFolder } from "./scan-folder.ts";
export {
  type BatchRecipe,
  type BatchStage,
  type StageBatchKinds,
  type StageBatchSpec,
  stageBatches,
} from "./stage-batches.ts";
export { type ViewOptions, viewOptions } from "./views.ts";
