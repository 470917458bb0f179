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
export type { HostInt32, HostUint8 } from "./host-array.ts";
export { type PackedPicture, type PackIndex, packIndex, type SkippedFile, type Split } from "./pack-index.ts";
export { type ViewOptions, viewOptions } from "./views.ts";
