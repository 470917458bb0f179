export { TooFewLabels } from "./errors.ts";
export { bestRate, finetuneStage } from "./finetune-stage.ts";
export { type FinetuneOptions, type FinetuneState, finetuneStep, initFinetuning } from "./finetune-step.ts";
export { loadStartNetwork, type StartNetwork } from "./start-network.ts";
export { Validation } from "./validation.ts";
