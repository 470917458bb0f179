export { type Accelerator, accelerators, utilisation } from "./hardware.ts";
export type { MemoryFit } from "./memory-fit.ts";
export { type Fleet, type Plan, plan, type StagePlan } from "./plan.ts";
