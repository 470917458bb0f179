export { type DataSummary, readDataSummary } from "./data-summary.ts";
export { type Evaluation, evaluation, evaluationBlob } from "./evaluation.ts";
export { gather, type NetworkHistory, type RunData, type SeedData } from "./gather.ts";
export { renderPage, renderReport } from "./render-report.ts";
export { type StageMetrics, stageMetrics } from "./stage-metrics.ts";
