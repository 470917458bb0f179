export type { AgainstPeers } from "./against-peers.ts";
export type { Limit } from "./limit.ts";
export type { BenchOptions, Measured } from "./measure.ts";
export { benchRuntime, type RuntimeBench, type RuntimeMeasured } from "./runtime.ts";
export { type Spread, spread } from "./spread.ts";
export { benchStages, type StageMeasured, type StagesBench } from "./stages.ts";
