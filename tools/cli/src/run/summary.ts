import type { RunRecord } from "@peco/artifacts";
import { z } from "zod";

/** Mean and sample deviation of one figure over the seeds. */
export const figure = z.object({ mean: z.number(), deviation: z.number().nullable(), values: z.array(z.number()) });
/** See {@link figure}. */
export type Figure = z.infer<typeof figure>;

/** The evaluation's figures over the seeds of a run, by name; empty when nothing was evaluated. */
export function summary(record: RunRecord): Record<string, Figure> {
  const evaluations = record.stages.filter(({ name }) => name === "evaluate").map(({ metrics }) => metrics);
  const names = new Set(evaluations.flatMap((metrics) => Object.keys(metrics)));
  const figures: Record<string, Figure> = {};
  for (const name of [...names].sort()) {
    const values = evaluations.map((metrics) => metrics[name]).filter((value) => typeof value === "number");
    if (values.length === evaluations.length) figures[name] = over(values);
  }
  return figures;
}

function over(values: number[]): Figure {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length < 2) return { mean, deviation: null, values };
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
  return { mean, deviation: Math.sqrt(variance), values };
}
