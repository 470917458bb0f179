import { type Key, fold } from "@peco/random";
import type { StageContext } from "@peco/stage";
import { type HostArray, type Jitted, State, type Tree } from "tfjs-libtensorflow";
import type { StageCheckpoints } from "./checkpoint.ts";
import { Cancelled, Diverged } from "./errors.ts";
import { History, type HistoryRow } from "./history.ts";
import { type BatchSource, ReadAhead } from "./read-ahead.ts";

/** What a trainer hands to the loop. `B` is one batch: named arrays, as the source makes them. */
export interface Training<B extends { [name: string]: HostArray }> {
  /** Names this network inside its stage, in progress and in its checkpoint: `moco`, `lr 0.001, repeat 1`. */
  part: string;
  /** Number of optimizer steps. */
  steps: number;
  /** The state before step 0; not called when there is a checkpoint. */
  initial(): Promise<Tree> | Tree;
  /** The compiled step. Its batch is `{ data: B, hyper }`; its metrics must hold `loss` and `finite` (1 or 0). */
  compiled: Jitted;
  batches: BatchSource<B>;
  /** Scheduled values of a step (learning rate, momentum); they enter the program as traced scalars. */
  hyper(step: number): { readonly [name: string]: number };
  /** Random numbers of step s are `fold(key, s)`. */
  key: Key;
  /** Pictures that one step consumes. */
  imagesPerStep: number;
}

/** What came out: the state by sorted dotted path, and what goes into the artifact beside it. */
export interface Trained {
  state: Record<string, HostArray>;
  history: HistoryRow[];
  metrics: TrainerMetrics;
}

/** Figures of one trained network. `gflop` counts products and convolutions, 2 per multiply-add, from the trace. */
export interface TrainerMetrics {
  steps: number;
  images: number;
  gflop: number;
  /** Seconds of this process in steps, without tracing and restarts: the base of images/s. */
  stepSeconds: number;
  /** Share of `stepSeconds` spent waiting for a batch. */
  waitShare: number;
  /** Steps done by this process; fewer than `steps` after a restart. */
  stepsHere: number;
}

/**
 * Trains one network: takes the newest checkpoint if there is one, runs the steps, writes a checkpoint after the first
 * step, every `runtime.checkpointSeconds` and at the end or on a cancel, and reports progress twice a second.
 *
 * @throws Diverged when a step's loss or gradient is not finite
 * @throws Cancelled when the context's signal is aborted; a checkpoint was written
 */
export async function train<B extends { [name: string]: HostArray }>(
  context: StageContext,
  checkpoints: StageCheckpoints,
  run: Training<B>,
): Promise<Trained> {
  const saved = checkpoints.of(run.part);
  const history = new History(run.steps, saved?.history);
  await using state = State.of(saved?.state ?? (await run.initial()));
  const ahead = new ReadAhead(run.batches, run.steps);
  const progress = new Progress(context, run, ahead);
  let step = saved?.step ?? 0;
  const save = async () => {
    const gflopPerStep = saved?.gflopPerStep ?? run.compiled.stats.flops / 1e9;
    await checkpoints.save(run.part, { step, gflopPerStep, state: await state.snapshot(), history: history.save() });
    context.emit({ kind: "checkpoint", part: run.part, step });
  };

  const first = step;
  let savedAt = performance.now();
  while (step < run.steps) {
    if (context.signal.aborted) {
      await save();
      throw new Cancelled(run.part, step);
    }
    const data = await ahead.take(step);
    const metrics = scalars(await run.compiled.run(state, { data, hyper: run.hyper(step) }, fold(run.key, step)));
    if (metrics["finite"] !== 1) {
      await save();
      throw new Diverged(run.part, step);
    }
    delete metrics["finite"];
    history.add(step, metrics);
    step++;
    progress.report(step, metrics);
    const due = performance.now() - savedAt > context.recipe.runtime.checkpointSeconds * 1000;
    if (step < run.steps && (step === first + 1 || due)) {
      await save();
      savedAt = performance.now();
    }
  }
  if (step > first) await save();
  return { state: await state.snapshot(), history: history.rows, metrics: progress.summary(first, saved?.gflopPerStep) };
}

/** Metrics that are single numbers; arrays are for those who asked for them. */
function scalars(metrics: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter((e): e is [string, number] => typeof e[1] === "number"));
}

/** Counts steps and time, and emits a step event at most twice a second. */
class Progress<B extends { [name: string]: HostArray }> {
  readonly #context: StageContext;
  readonly #run: Training<B>;
  readonly #ahead: ReadAhead<B>;
  #emittedAt = 0;
  /** Set after the first step, which traces and compiles. */
  #startedAt: number | undefined;
  #startStep = 0;
  #waitedBefore = 0;
  #step = 0;

  constructor(context: StageContext, run: Training<B>, ahead: ReadAhead<B>) {
    this.#context = context;
    this.#run = run;
    this.#ahead = ahead;
  }

  report(step: number, metrics: Record<string, number>): void {
    const now = performance.now();
    this.#step = step;
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      this.#startStep = step;
      this.#waitedBefore = this.#ahead.waitedMs;
    }
    if (now - this.#emittedAt < 500 && step !== this.#run.steps) return;
    this.#emittedAt = now;
    const { stepSeconds, waitShare } = this.#times();
    const perStep = stepSeconds / Math.max(1, step - this.#startStep);
    this.#context.emit({
      kind: "step",
      part: this.#run.part,
      step,
      of: this.#run.steps,
      metrics,
      imagesPerSecond: perStep > 0 ? this.#run.imagesPerStep / perStep : 0,
      etaSeconds: perStep * (this.#run.steps - step),
      waitShare,
    });
  }

  summary(first: number, gflopPerStep: number | undefined): TrainerMetrics {
    const { steps, imagesPerStep, compiled } = this.#run;
    return {
      steps,
      images: steps * imagesPerStep,
      gflop: (gflopPerStep ?? compiled.stats.flops / 1e9) * steps,
      ...this.#times(),
      stepsHere: steps - first,
    };
  }

  #times(): { stepSeconds: number; waitShare: number } {
    if (this.#startedAt === undefined || this.#step === this.#startStep) return { stepSeconds: 0, waitShare: 0 };
    const stepSeconds = (performance.now() - this.#startedAt) / 1000;
    return { stepSeconds, waitShare: (this.#ahead.waitedMs - this.#waitedBefore) / 1000 / stepSeconds };
  }
}
