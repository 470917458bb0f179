export { evaluateStage } from "./evaluate.ts";
export { type LabelledFeatures, type LinearProbe, ProbeFitter } from "./linear-probe.ts";
