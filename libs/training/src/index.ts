export { type Checkpoint, StageCheckpoints } from "./checkpoint.ts";
export { Cancelled, Diverged } from "./errors.ts";
export { History, type HistoryRow, historyRow } from "./history.ts";
export { type Trained, type TrainerMetrics, type Training, train } from "./loop.ts";
export { type BatchSource, ReadAhead } from "./read-ahead.ts";
