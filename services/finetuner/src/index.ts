export { bestRate, finetuneStage } from "./finetune-stage.ts";
export { type FinetuneOptions, type FinetuneState, finetuneStep, initFinetuning } from "./finetune-step.ts";
export { Validation } from "./validation.ts";
