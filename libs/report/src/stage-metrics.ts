import { z } from "zod";

/** What the report shows of a stage's figures in `run.json`; all optional, since a stage that trains nothing has none. */
export const stageMetrics = z.object({
  steps: z.number().optional(),
  images: z.number().optional(),
  gflop: z.number().optional(),
  /** Seconds in steps, without start and tracing, and the number of steps that took them. */
  stepSeconds: z.number().optional(),
  stepsTimed: z.number().optional(),
  /** Share of these seconds spent waiting for pictures. */
  waitShare: z.number().optional(),
});
/** See {@link stageMetrics}. */
export type StageMetrics = z.infer<typeof stageMetrics>;
