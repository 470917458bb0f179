export { Cancelled, SpecError } from "./errors.ts";
export { type ExecuteOptions, executeStage } from "./execute-stage.ts";
export type { Stage, StageContext, StageOutput } from "./stage.ts";
export type { CacheDecision, Metrics, NumberedEvent, Outcome, StageEvent, StageProgress } from "./stage-event.ts";
export { parseSpec, type StageSpec, stageSpec } from "./stage-spec.ts";
