import { z } from "zod";

/** One row of a trainer's history: steps done and the means of its scalar metrics. Content only, no times. */
export const historyRow = z.object({ step: z.int() }).catchall(z.number());
/** See {@link historyRow}. */
export type HistoryRow = z.infer<typeof historyRow>;

/** A history as plain JSON, with the sums of the stretch that is not complete yet. */
export const savedHistory = z.object({
  rows: z.array(historyRow),
  sums: z.record(z.string(), z.number()),
  count: z.int(),
  evaluations: z.array(historyRow),
});
/** See {@link savedHistory}. */
export type SavedHistory = z.infer<typeof savedHistory>;

const rowsKept = 200;

/**
 * Collects a trainer's scalar metrics, averaged over equal stretches of steps, about 200 rows in all.
 * It is part of a checkpoint, so a run that was killed ends with the same rows as one that was not.
 */
export class History {
  readonly rows: HistoryRow[];
  /** What was measured between steps, such as on validation; not averaged. */
  readonly evaluations: HistoryRow[];
  readonly #every: number;
  readonly #last: number;
  #sums: Record<string, number>;
  #count: number;

  constructor(steps: number, saved?: SavedHistory) {
    this.#every = Math.max(1, Math.ceil(steps / rowsKept));
    this.#last = steps - 1;
    this.rows = saved === undefined ? [] : [...saved.rows];
    this.evaluations = saved === undefined ? [] : [...saved.evaluations];
    this.#sums = { ...saved?.sums };
    this.#count = saved?.count ?? 0;
  }

  /** Adds the metrics of step `step` (from 0). */
  add(step: number, metrics: Record<string, number>): void {
    for (const [name, value] of Object.entries(metrics)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
    this.#count++;
    if ((step + 1) % this.#every !== 0 && step !== this.#last) return;
    const means = Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#count]);
    this.rows.push({ step: step + 1, ...Object.fromEntries(means) });
    this.#sums = {};
    this.#count = 0;
  }

  /** What a checkpoint holds of it. */
  save(): SavedHistory {
    return { rows: this.rows, sums: this.#sums, count: this.#count, evaluations: this.evaluations };
  }
}
