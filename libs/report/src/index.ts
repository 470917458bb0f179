export {
  type CardArtifact,
  type CardInputs,
  cardArtifact,
  cardFormat,
  type ReproducibilityCard,
  reproducibilityCard,
} from "./card/card.ts";
export { renderCard } from "./card/card-page.ts";
export { figuresOf, makeCard } from "./card/make-card.ts";
export { type DataSummary, readDataSummary } from "./data-summary.ts";
export { type Evaluation, evaluation, evaluationBlob } from "./evaluation.ts";
export { gather, type NetworkHistory, type RunData, type SeedData } from "./gather.ts";
export { type IntervalRow, intervalChart } from "./interval-chart.ts";
export { recipeValues } from "./recipe-values.ts";
export { renderPage, renderReport } from "./render-report.ts";
export { type StageMetrics, stageMetrics } from "./stage-metrics.ts";
