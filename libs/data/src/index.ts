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
export { Dataset, openPack, parseSpec } from "./dataset.ts";
export { decodePicture, decodeWhole, pictureSize, type RawPixels, UndecodablePicture } from "./decode.ts";
export {
  BatchOptionsError,
  ClassesDiffer,
  ClassTooSmall,
  CorruptPack,
  CorruptPicture,
  DataError,
  FileChanged,
  FolderUnusable,
  LabelsUnusable,
  MixedLayout,
  OneClassOnly,
  TarDamaged,
  TooFewPictures,
  WorkerFailed,
} from "./errors.ts";
export { defaultTransform, type EvaluationTransform } from "./evaluation-view.ts";
export { type FileRange, readRange } from "./file-range.ts";
export { type FolderContents, type FoundFile, type SourceKind, sourceKinds } from "./found-file.ts";
export { gaussianBlur } from "./gaussian-blur.ts";
export { generatedClasses, generatedPicture } from "./generated-picture.ts";
export { type GeneratedOptions, type GeneratedSet, readGeneratedSet, writeGeneratedSet } from "./generated-set.ts";
export type { HostInt32, HostUint8 } from "./host-array.ts";
export { type IdentifiedFile, type IdentifiedFolder, type IdentifyOptions, identifyFolder } from "./identify-folder.ts";
export { type Division, partCount, partPlaces } from "./micro-batches.ts";
export {
  type DataMeta,
  type FolderPreview,
  type PackedData,
  type PackForm,
  packFolder,
  packGenerated,
  previewFolder,
} from "./pack-data.ts";
export type { ShardSink } from "./pack-encoded.ts";
export {
  type DecodedIndex,
  type EncodedIndex,
  type PackedPicture,
  type PackIndex,
  packIndex,
  type SkippedFile,
  type Split,
  type SplitCounts,
  type SplitDefinition,
} from "./pack-index.ts";
export { type Pack, type PackParts, type PackStore, packParts, readPack } from "./pack-parts.ts";
export type { PackOptions } from "./pack-pictures.ts";
export { type PackSummary, type Spread, spread, summarisePack } from "./pack-summary.ts";
export type { Picture } from "./picture.ts";
export { type EncodedPlace, PictureTable } from "./picture-table.ts";
export { centerCrop, makePlainView, resizeShorterSide } from "./plain-view.ts";
export { type Filter, filters } from "./resample-weights.ts";
export { type Box, resizeBox } from "./resize.ts";
export { scanFolder } from "./scan-folder.ts";
export {
  type BatchRecipe,
  type BatchStage,
  type StageBatchKinds,
  type StageBatchSpec,
  stageBatches,
  stageDivision,
  tokenizerPictureSize,
} from "./stage-batches.ts";
export { type ViewOptions, viewOptions } from "./views.ts";
export { pictureEndings } from "./walk-folder.ts";
