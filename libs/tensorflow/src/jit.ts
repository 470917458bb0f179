import type * as tf from "@tensorflow/tfjs-core";
import { type Compiled, type Compiler, compile } from "./compiled.ts";
import { TracingError } from "./errors.ts";
import type { HostArray } from "./host-array.ts";
import { log } from "./logger.ts";
import { type Program, valueText } from "./program/program.ts";
import { type Key, root } from "./random/key.ts";
import { describeLeaf, type State, toHandle } from "./state.ts";
import { engineParts } from "./tracing/marks.ts";
import { LeafSpec, type Trace, type TracedStep, trace } from "./tracing/trace.ts";
import { flatten, type Leaf, mapNode, type Tree } from "./tree.ts";

/** A pure function over trees of tensors: one step of an optimisation, or an evaluation that leaves the state as it is. */
export type Step<S, B, M> = (state: S, batch: B, key: Key) => { state: S; metrics: M };

/** A tree of tensors as it is handed over from the host: host arrays, numbers for scalars, or tensors. */
export type Host<T> = T extends tf.Tensor
  ? HostArray | tf.Tensor | number
  : T extends null
    ? null
    : { [K in keyof T]: Host<T[K]> };

/** A tree of tensors as it comes back to the host: scalars as numbers (by their type, or else by their shape), others as host arrays. */
export type Metrics<T> = T extends tf.Tensor
  ? tf.Tensor extends T
    ? number | HostArray
    : T extends tf.Scalar
      ? number
      : HostArray
  : T extends number
    ? number
    : T extends null
      ? null
      : { [K in keyof T]: Metrics<T[K]> };

/** How a step is compiled. */
export interface JitOptions {
  /** Names the step in logs and errors. */
  readonly name: string;
  /** `graph`: TensorFlow's rewrites and oneDNN's kernels, operation by operation. `xla`: one program by XLA. Measure both. */
  readonly compiler: Compiler;
}

/** Counts since the step was made; times in milliseconds. */
export interface JitStatistics {
  readonly traces: number;
  readonly calls: number;
  /** Time in TensorFlow, compilation on first calls included. */
  readonly insideMs: number;
  /** Time of `run` outside of TensorFlow: batch in, metrics out. Tracing and waiting for earlier steps are not counted. */
  readonly outsideMs: number;
}

/** A step that can be run compiled. */
export interface Jitted<S, B, M> {
  /**
   * Runs one step off the main thread, updates `state` in place and resolves to the metrics. Steps on one state run one after the other.
   * A uint8 host array appears to the step as float32, a number as a float32 scalar: a new value never traces again; new shapes do, and
   * it is logged. Random numbers in the step follow from `key`, of which `random.root` is passed on.
   * Rejects with `TracingError`, `TreeError`, `TensorFlowError`.
   */
  run(state: State<S>, batch: Host<B>, key: Key): Promise<Metrics<M>>;
  /** The same function, run operation by operation. */
  readonly eager: Step<S, B, M>;
  /** The program for a state and a batch, traced if it has not been. */
  program(state: State<S>, batch: Host<B>): Program;
  readonly stats: JitStatistics;
  /** Frees what was compiled. The step can still be run: it is then traced again. */
  dispose(): void;
}

interface Variant {
  readonly trace: Trace;
  compiled?: Compiled;
}

/** Compiles a step, once for each structure, shape and dtype of state and batch. Tensors that it captures become fixed inputs. */
export function jit<S, B, M>(step: Step<S, B, M>, { name, compiler }: JitOptions): Jitted<S, B, M> {
  const variants = new Map<string, Variant>();
  const stats = { traces: 0, calls: 0, insideMs: 0, outsideMs: 0 };

  const variantFor = (state: State<S>, leaves: [string, Leaf][], batch: Host<B>): Variant => {
    const signature = `${state.signature}|${leaves.map(([path, leaf]) => `${path}:${valueText(describeLeaf(path, leaf))}`).join()}`;
    const known = variants.get(signature);
    if (known !== undefined) return known;
    const started = performance.now();
    const traced = trace(
      name,
      step as unknown as TracedStep,
      state.map((variable) => new LeafSpec(variable)),
      mapNode(batch, (leaf, path) => new LeafSpec(describeLeaf(path, leaf as Leaf))),
    );
    const variant: Variant = { trace: traced };
    variants.set(signature, variant);
    stats.traces++;
    log("debug", `${name}: traced ${traced.program.operations.length} operations`, {
      step: name,
      traces: stats.traces,
      ms: Math.round(performance.now() - started),
      reason: stats.traces === 1 ? "first call" : "new shapes, dtypes or structure of state or batch",
    });
    if (stats.traces > 1)
      log("warn", `${name}: traced again (${stats.traces} times by now), for a new shape or structure`, { step: name });
    return variant;
  };

  return {
    eager: step,
    stats,
    program: (state, batch) => variantFor(state, flatten(batch as Tree<Leaf>), batch).trace.program,
    async run(state, batch, key) {
      if (engineParts().state.activeScope)
        throw new TracingError(
          `${name}: run is asynchronous, and tf.tidy would free what it uses; call it outside of tidy`,
        );
      const leaves = flatten(batch as Tree<Leaf>);
      const { key: word } = root(key);
      return await state.enqueue(async () => {
        const variant = variantFor(state, leaves, batch);
        variant.compiled ??= compile(variant.trace, compiler);
        const result = await variant.compiled.run(
          state.variables,
          leaves.map(([path, leaf]) => toHandle(path, leaf)),
          word,
        );
        stats.calls++;
        stats.insideMs += result.insideMs;
        stats.outsideMs += result.outsideMs;
        return result.metrics as Metrics<M>;
      });
    },
    dispose() {
      for (const { compiled } of variants.values()) compiled?.dispose();
      variants.clear();
    },
  };
}
