import type { Recipe, StageName } from "@peco/recipes";
import type { StepBatch } from "@peco/training";
import { flatten, leafShape, type Program, programOf, type Step, type Tree, type Value } from "tfjs-libtensorflow";

/** The training step of a stage, traced on shapes for the pictures that one device computes at a time. */
export interface StageProgram {
  readonly stage: StageName;
  /** What of the stage this is, where it trains several things; null: all of it. */
  readonly part: string | null;
  /** Of its matrix products. */
  readonly precision: Recipe["runtime"]["precision"];
  readonly program: Program;
  /** What the trainer keeps: parameters, optimizer slots, moving averages. */
  readonly state: Readonly<Record<string, Value>>;
  /** How paths of the state begin that are parameters which are trained. */
  readonly trained: string;
  /** Networks that the step holds fixed. */
  readonly frozen: Readonly<Record<string, Value>>;
  /** Pictures that the program takes. */
  readonly microBatch: number;
  readonly batch: number;
  /** Steps of all networks of the stage together. */
  readonly steps: number;
}

/** A traced step without how often it is taken. */
export type Making = Omit<StageProgram, "stage" | "part" | "precision" | "batch" | "steps" | "microBatch">;

/** The scheduled values of a step. */
export const hyper = (...names: string[]) => Object.fromEntries(names.map((name) => [name, leafShape("float32")]));
/** So many pictures of a size. */
export const pictures = (batch: number, size: number) => leafShape("uint8", batch, size, size, 3);
/** Leaves by path. */
export const record = (tree: unknown) => Object.fromEntries(flatten(tree as Tree<Value>));

/** A step's program with its frozen networks among what it is given, so that their weights need not be there. */
export function withFrozen(
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: each stage has a state of its own, which only its step looks into
  step: (frozen: unknown) => Step<any, StepBatch, object>,
  state: unknown,
  frozen: unknown,
  batch: Tree<Value>,
): Pick<Making, "program" | "state" | "frozen"> {
  const program = programOf(
    name,
    (all: { train: unknown; fixed: unknown }, given: StepBatch, key) => {
      const next = step(all.fixed)(all.train, given, key);
      return { state: { train: next.state, fixed: all.fixed }, metrics: next.metrics };
    },
    { train: state, fixed: frozen } as never,
    batch,
  );
  return { program, state: record(state), frozen: record(frozen) };
}

/** Pictures of a batch that one of several devices gets. */
export const shareOf = (batch: number, devices: number) => Math.max(1, Math.ceil(batch / devices));
