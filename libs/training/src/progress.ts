import type { StageContext } from "@peco/stage";
import type { Checkpoint } from "./checkpoint.ts";
import type { ReadAhead } from "./read-ahead.ts";

/** Figures of one trained network. */
export interface TrainerMetrics {
  readonly steps: number;
  readonly images: number;
  /** Products and convolutions of all steps, 10^9 operations, 2 per multiply-add, counted from the trace. */
  readonly gflop: number;
  /** Seconds that this process spent in steps after the first, which traces and compiles. */
  readonly stepSeconds: number;
  /** Steps that took `stepSeconds`; fewer than `steps - 1` after a restart. */
  readonly stepsTimed: number;
  /** Share of `stepSeconds` spent waiting for a batch. */
  readonly waitShare: number;
}

/** Counts the steps of one network and their time, and tells the watchers at most twice a second. */
export class Progress {
  readonly #context: StageContext;
  readonly #run: { readonly part: string; readonly steps: number; readonly imagesPerStep: number };
  readonly #ahead: ReadAhead<unknown>;
  #emittedAt = Number.NEGATIVE_INFINITY;
  /** When the first step of this process had ended, and what had been done and waited by then. */
  #start: { readonly at: number; readonly step: number; readonly waitedMs: number } | undefined;
  #last = { at: 0, step: 0 };
  /** Products and convolutions of a step, 10^9 operations. */
  gflopPerStep: number;

  constructor(
    context: StageContext,
    run: { readonly part: string; readonly steps: number; readonly imagesPerStep: number },
    ahead: ReadAhead<unknown>,
    saved: Checkpoint | undefined,
  ) {
    this.#context = context;
    this.#run = run;
    this.#ahead = ahead;
    this.gflopPerStep = saved?.gflopPerStep ?? 0;
  }

  /** Notes that `step` steps are done, of so many products and convolutions each. */
  report(step: number, metrics: Readonly<Record<string, number>>, flops: number): void {
    const at = performance.now();
    this.#last = { at, step };
    if (this.#start === undefined) {
      this.#start = { at, step, waitedMs: this.#ahead.waitedMs };
      this.gflopPerStep = flops / 1e9;
    }
    if (at - this.#emittedAt < 500 && step !== this.#run.steps) return;
    this.#emittedAt = at;
    const { stepSeconds, stepsTimed, waitShare } = this.#times();
    const perStep = stepsTimed === 0 ? 0 : stepSeconds / stepsTimed;
    this.#context.emit({
      kind: "step",
      part: this.#run.part,
      step,
      of: this.#run.steps,
      metrics,
      imagesPerSecond: perStep === 0 ? 0 : this.#run.imagesPerStep / perStep,
      etaSeconds: perStep * (this.#run.steps - step),
      waitShare,
    });
  }

  /** The figures of the whole network. */
  summary(): TrainerMetrics {
    const { steps, imagesPerStep } = this.#run;
    return { steps, images: steps * imagesPerStep, gflop: this.gflopPerStep * steps, ...this.#times() };
  }

  #times(): { stepSeconds: number; stepsTimed: number; waitShare: number } {
    if (this.#start === undefined || this.#last.step === this.#start.step)
      return { stepSeconds: 0, stepsTimed: 0, waitShare: 0 };
    const stepSeconds = (this.#last.at - this.#start.at) / 1000;
    const waitShare = (this.#ahead.waitedMs - this.#start.waitedMs) / 1000 / stepSeconds;
    return { stepSeconds, stepsTimed: this.#last.step - this.#start.step, waitShare };
  }
}
