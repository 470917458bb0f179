/**
 * What the report reads of a run beside the store's own record (`@peco/artifacts`, `runs/<id>/run.json`): the free parts of that
 * record, `machine` and `software`, and a stage's figures. Whatever else is there is shown as it is.
 */
import { z } from "zod";

/** Where a run took place. */
export const machine = z.looseObject({
  /** Operating system and architecture, such as `Linux 6.1 x64`. */
  system: z.string().optional(),
  /** Model name of the processor. */
  processor: z.string().optional(),
  cores: z.int().optional(),
  memoryBytes: z.number().optional(),
});

/** What it ran on: names of programs and libraries with their versions. */
export const software = z.record(z.string(), z.json());

/** Figures of a trainer's stage; all optional, since a stage that trains nothing has none. */
export const stageMetrics = z.looseObject({
  steps: z.number().optional(),
  images: z.number().optional(),
  gflop: z.number().optional(),
  /** Seconds in steps, without start and tracing, and the number of steps that took them. */
  stepSeconds: z.number().optional(),
  stepsTimed: z.number().optional(),
  /** Share of these spent waiting for pictures. */
  waitShare: z.number().optional(),
});
export type StageMetrics = z.infer<typeof stageMetrics>;
