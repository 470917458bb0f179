export { initProbes, type ProbeState, probeStep } from "./adamw-probe.ts";
export { bagsOfCodes } from "./code-words.ts";
export { evaluateStage } from "./evaluate.ts";
export { type LabelledFeatures, type LinearProbe, ProbeFitter } from "./linear-probe.ts";
export { blockFeatures } from "./steps.ts";
