export type { Backend, Body, Entry, Versioned } from "./backend.ts";
export { canonicalJson, type Json, NotCanonical } from "./canonical-json.ts";
export { type Checkpoint, type CheckpointContent, type CheckpointProblem, Checkpoints } from "./checkpoints.ts";
export {
  CorruptObject,
  LeaseHeld,
  LeaseLost,
  ObjectMissing,
  StoreError,
  StoreFormatError,
  StoreFull,
  StoreMissing,
  StoreNotReadable,
  StoreNotWritable,
} from "./errors.ts";
export { FolderBackend } from "./folder-backend.ts";
export { type CollectOptions, collect, type Garbage, isLeased, liveLeases, type Usage, usage } from "./garbage.ts";
export { Lease, staleAfterMs } from "./lease.ts";
export { stateOf, thisProcess } from "./process-identity.ts";
export { type NewRun, Runs, runId } from "./runs.ts";
export {
  type BlobRef,
  type CheckpointManifest,
  type LeaseFile,
  type Manifest,
  type MetricsLine,
  manifest,
  metricsLine,
  type ProcessIdentity,
  type RunFailure,
  type RunRecord,
  type RunStage,
  runRecord,
  type StageResult,
  stageResult,
  storeFormat,
} from "./schemas.ts";
export { digestOf, isDigest, sha256 } from "./sha256.ts";
export { type Artifact, type ArtifactContent, type Lookup, Store } from "./store.ts";
export { type Damage, type Verification, verify } from "./verify.ts";
