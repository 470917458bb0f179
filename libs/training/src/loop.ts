import { fold, type Key } from "@peco/random";
import { Cancelled, type StageContext } from "@peco/stage";
import { type HostArray, type Jitted, State, type Tree, tf } from "tfjs-libtensorflow";
import type { StageCheckpoints } from "./checkpoint.ts";
import { type HostBatch, runWhole, type StepRunner } from "./divisible-step.ts";
import { Diverged } from "./errors.ts";
import { History, type HistoryRow } from "./history.ts";
import { Progress, type TrainerMetrics } from "./progress.ts";
import { type BatchSource, ReadAhead } from "./read-ahead.ts";
import type { StepBatch, StepMetrics } from "./step-batch.ts";

/** What a trainer hands to the loop. `S` is the tree of its state. */
export interface Training<S> {
  /** Names this network inside its stage, in progress and in its checkpoint: `moco`, `lr 0.001, repeat 1`. */
  readonly part: string;
  /** Number of optimizer steps. */
  readonly steps: number;
  /** The state before step 0, as tensors which the loop frees, or host arrays; also called to know the tree's structure. */
  initial(): Promise<S> | S;
  /**
   * The compiled step, which may go in parts. Its metric `finite` is 1, or 0 when loss or gradient were not: then the step
   * changed nothing.
   */
  readonly compiled: Jitted<S, StepBatch, StepMetrics> | StepRunner<S>;
  /** Batches by step; by part, counted over all steps, where the step goes in parts. */
  readonly batches: BatchSource<HostBatch>;
  /** Scheduled values of a step, such as the learning rate; they enter the program as scalars and never trace again. */
  hyper(step: number): Readonly<Record<string, number>>;
  /** Random numbers of step s are those of `fold(key, s)`. */
  readonly key: Key;
  /** Pictures that one step consumes. */
  readonly imagesPerStep: number;
  /** What is measured after every so many steps (null: none between), and after the last. */
  readonly evaluation?: {
    readonly everySteps: number | null;
    /** Figures of the state after `step` steps; it must not change the state. */
    measure(state: State<S>, step: number): Promise<Readonly<Record<string, number>>>;
  };
}

/** What came out: the state by sorted dotted path, and what goes into the artifact beside it. */
export interface Trained {
  readonly state: Readonly<Record<string, HostArray>>;
  readonly history: readonly HistoryRow[];
  /** What `evaluation` measured, in the order of steps; the last row is that of the finished network. */
  readonly evaluations: readonly HistoryRow[];
  readonly metrics: TrainerMetrics;
}

/**
 * Trains one network: takes its newest checkpoint if there is one, runs the steps, writes a checkpoint after the first
 * step, every `runtime.checkpointSeconds`, at the end and on a cancel, and reports progress twice a second.
 *
 * @throws Diverged when a step's loss or gradient is not finite; the state before that step was saved
 * @throws Cancelled when the context's signal is aborted; a checkpoint was written
 */
export async function train<S>(
  context: StageContext,
  checkpoints: StageCheckpoints,
  run: Training<S>,
): Promise<Trained> {
  const saved = checkpoints.of(run.part);
  const runner = "parts" in run.compiled ? run.compiled : runWhole(run.compiled);
  const history = new History(run.steps, saved?.history);
  await using state = await start(run, saved?.state);
  const ahead = new ReadAhead(run.batches, run.steps * runner.parts);
  const progress = new Progress(context, run, ahead, saved);
  let step = saved?.step ?? 0;
  let savedStep = step;
  if (step > 0 && step < run.steps)
    context.emit({ kind: "note", text: `${run.part} goes on from the checkpoint after step ${step} of ${run.steps}` });
  const save = async () => {
    await checkpoints.save(run.part, {
      step,
      gflopPerStep: progress.gflopPerStep,
      state: await state.snapshot(),
      history: history.save(),
    });
    savedStep = step;
    savedAt = performance.now();
    context.emit({ kind: "checkpoint", part: run.part, step });
  };

  let savedAt = performance.now();
  const first = step;
  try {
    for (;;) {
      if (isDue(run, step) && history.evaluations.at(-1)?.step !== step) {
        await evaluate(context, run, state, history, step);
        if (step === run.steps) await save();
      }
      if (step === run.steps) break;
      const take = async (part: number) => {
        if (context.signal.aborted) throw new Cancelled(context.spec.stage);
        return ahead.take(step * runner.parts + part);
      };
      const at = { hyper: run.hyper(step), key: fold(run.key, step) };
      const { finite, ...metrics } = await runner.run(state, take, at);
      if (finite !== 1) throw new Diverged(`${context.spec.stage} (${run.part})`, step);
      history.add(step, metrics);
      step++;
      progress.report(step, metrics, runner.flops());
      const due = performance.now() - savedAt > context.recipe.runtime.checkpointSeconds * 1000;
      if (step === first + 1 || due || step === run.steps) await save();
    }
  } catch (error) {
    if (step > savedStep && (error instanceof Diverged || context.signal.aborted)) await save();
    throw error;
  }
  const { rows, evaluations } = history;
  return { state: await state.snapshot(), history: rows, evaluations, metrics: progress.summary() };
}

/** Whether the state after `step` steps is to be evaluated. */
function isDue<S>({ evaluation, steps }: Training<S>, step: number): boolean {
  if (evaluation === undefined || step === 0) return false;
  return step === steps || (evaluation.everySteps !== null && step % evaluation.everySteps === 0);
}

async function evaluate<S>(
  context: StageContext,
  { evaluation, part }: Training<S>,
  state: State<S>,
  history: History,
  step: number,
): Promise<void> {
  const metrics = (await evaluation?.measure(state, step)) ?? {};
  history.evaluations.push({ step, ...metrics });
  context.emit({ kind: "evaluation", part, step, metrics });
}

/** The state at the start: the checkpoint's leaves in the initial tree's structure, or the initial tree itself. */
async function start<S>(run: Training<S>, saved: Readonly<Record<string, HostArray>> | undefined): Promise<State<S>> {
  const initial = await run.initial();
  try {
    const state = State.of(initial) as State<S>;
    if (saved !== undefined) await state.assign(nest(saved));
    return state;
  } finally {
    tf.dispose(initial as tf.TensorContainer);
  }
}

/** Leaves by dotted path as a tree, which `State.assign` reads by path. */
function nest(leaves: Readonly<Record<string, HostArray>>): Tree {
  const root: { [name: string]: Tree } = {};
  for (const [path, leaf] of Object.entries(leaves)) {
    const names = path.split(".");
    let node = root;
    for (const name of names.slice(0, -1)) {
      node[name] ??= {};
      node = node[name] as { [name: string]: Tree };
    }
    node[names.at(-1) ?? ""] = leaf;
  }
  return root;
}
