export { type Checkpoint, StageCheckpoints } from "./checkpoint.ts";
export { Diverged } from "./errors.ts";
export { History, type HistoryRow, historyRow } from "./history.ts";
export { type StepBatch, type StepMetrics, type Trained, type Training, train } from "./loop.ts";
export type { TrainerMetrics } from "./progress.ts";
export { type BatchSource, ReadAhead } from "./read-ahead.ts";
