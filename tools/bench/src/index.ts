export { type AgainstPeers, benchRuntime, type Measured, type RuntimeBenchOptions } from "./runtime.ts";
export { type Spread, spread } from "./spread.ts";
