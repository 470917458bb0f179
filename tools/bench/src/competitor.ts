import { encodeSafetensors, flatten, type HostArray, jit, random, State, tf } from "tfjs-libtensorflow";
import type { AnyTree, Case, Precision } from "./case.ts";

/** What some steps took, and the loss of the last. */
export interface Timed {
  readonly ms: readonly number[];
  readonly loss: number;
  /** Share of the time spent outside of TensorFlow; only of our compiled variants. */
  readonly outsideShare?: number;
}

/** Somebody who runs steps of a case. */
export interface Competitor extends AsyncDisposable {
  /** `peco/graph-bf16`, `pytorch/eager-f32`, `jax/f32`. */
  readonly variant: string;
  /** What it chose for itself, such as the kind of attention; empty when nothing. */
  readonly choice: string;
  /** Runs so many steps. */
  run(steps: number): Promise<Timed>;
}

/** Our compiled variants: compiler and precision. */
export const compiledVariants = ["graph-f32", "graph-bf16", "xla-f32", "xla-bf16"] as const;

/** All our own variants. */
export const ownVariants = ["eager-f32", ...compiledVariants] as const;

/** The name of one of our own variants. */
export type OwnVariant = (typeof ownVariants)[number];

/** The variant that a recipe's `runtime` names. */
export function variantOf({ compiler, precision }: { compiler: "graph" | "xla"; precision: Precision }): OwnVariant {
  return `${compiler}-${precision === "bfloat16" ? "bf16" : "f32"}`;
}

/** The precision that a variant's name ends in. */
export function precisionOf(variant: string): Precision {
  return variant.endsWith("bf16") ? "bfloat16" : "float32";
}

/** One of our variants of a case, with its state at the start. */
export function own(variant: OwnVariant, which: Case): Competitor {
  if (variant === "eager-f32") return eager(which);
  const compiler = variant.startsWith("xla") ? "xla" : "graph";
  const compiled = jit(which.step(precisionOf(variant)), { name: `${which.name} ${variant}`, compiler });
  const state = startingState(which);
  const batch = which.batch() as AnyTree;
  return {
    variant: `peco/${variant}`,
    choice: "",
    async run(steps) {
      const before = compiled.stats.insideMs;
      const { ms, loss } = await timed(steps, async () => {
        const metrics = (await compiled.run(state, batch, random.key(1n))) as { loss: number };
        return metrics.loss;
      });
      return { ms, loss, outsideShare: 1 - (compiled.stats.insideMs - before) / sum(ms) };
    },
    async [Symbol.asyncDispose]() {
      await state.dispose();
      compiled.dispose();
    },
  };
}

/** The state of a case before its first step. */
export function startingState(which: Case): State<AnyTree> {
  const first = which.state();
  const state = State.of(first);
  tf.dispose(first);
  return state as State<AnyTree>;
}

function eager(which: Case): Competitor {
  const step = which.step("float32");
  let state = which.state();
  const batch = onDevice(which.batch());
  return {
    variant: "peco/eager-f32",
    choice: "",
    run: (steps) =>
      timed(steps, async () => {
        const before = state;
        const after: AnyTree = tf.tidy(() => step(state, batch, random.key(1n)) as AnyTree);
        const loss = (await after.metrics.loss.data())[0] ?? Number.NaN;
        tf.dispose([before, after.metrics]);
        state = after.state;
        return loss;
      }),
    async [Symbol.asyncDispose]() {
      tf.dispose([state, batch]);
    },
  };
}

/** A batch as tensors, of the dtypes that a compiled step sees. */
function onDevice(batch: AnyTree): AnyTree {
  if (typeof batch === "number") return tf.scalar(batch);
  if (ArrayBuffer.isView(batch.data)) {
    const { dtype, shape, data } = batch as HostArray;
    return dtype === "int32" ? tf.tensor(data, [...shape], "int32") : tf.tensor(Float32Array.from(data), [...shape]);
  }
  return Object.fromEntries(Object.entries(batch).map(([name, part]) => [name, onDevice(part)]));
}

async function timed(steps: number, one: () => Promise<number>): Promise<{ ms: number[]; loss: number }> {
  const ms: number[] = [];
  let loss = Number.NaN;
  for (let i = 0; i < steps; i++) {
    const before = performance.now();
    loss = await one();
    ms.push(performance.now() - before);
  }
  return { ms, loss };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * The file from which a peer takes what we start from: the leaves of the state by their paths, those of the batch behind `batch.`, those
 * held fixed behind `frozen.`, and the configuration as JSON.
 */
export async function weightsFile(which: Case): Promise<Uint8Array> {
  await using state = startingState(which);
  await using frozen = State.of(which.frozen);
  const weights = Object.entries(await state.snapshot()).filter(([path]) => !path.startsWith("slots."));
  const leaves = (flatten(which.batch()) as [string, HostArray | number][]).map(([path, leaf]): [string, HostArray] => [
    `batch.${path}`,
    typeof leaf === "number" ? scalar(leaf) : leaf,
  ]);
  const fixed = Object.entries(await frozen.snapshot()).map(([path, leaf]) => [`frozen.${path}`, leaf]);
  const tensors = Object.fromEntries([...weights, ...leaves, ...fixed]) as Record<string, HostArray>;
  return encodeSafetensors(tensors, { config: JSON.stringify(which.config) });
}

function scalar(value: number): HostArray {
  return { dtype: "float32", shape: [], data: Float32Array.of(value) };
}
