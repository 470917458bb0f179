import * as tf from "@tensorflow/tfjs-core";
import { binding, idsOf, tensorFrom } from "../core/backend.ts";
import type { TensorMetadata } from "../core/binding.ts";
import type { DType } from "../dtype.ts";
import { TreeError } from "../errors.ts";
import { castTypes } from "../program/passes/expand-casts.ts";
import { type Program, type Result, type Value, valueText } from "../program/program.ts";
import { type Key, KeyWord } from "../random/key.ts";
import { flatten, mapNode, type Tree } from "../tree.ts";
import { Tracer, whileTracing } from "./tracer.ts";

/** A function that was traced. */
export interface Trace {
  readonly program: Program;
  /** Handles of the captured tensors, in the order of the program's captured inputs; whoever holds the trace frees them. */
  readonly captured: readonly bigint[];
  /** Structure of the metrics. */
  readonly metrics: unknown;
}

/** What a step looks like while it is traced. */
export type TracedStep = (state: unknown, batch: unknown, key: Key) => { state: unknown; metrics: unknown };

/** Dtype and shape of a leaf of a step's arguments, as a leaf of a tree. */
export class LeafSpec implements Value {
  readonly dtype: DType;
  readonly shape: readonly number[];

  constructor({ dtype, shape }: Value) {
    this.dtype = dtype;
    this.shape = shape;
  }
}

/** A tree of `LeafSpec`s. */
export type SpecTree = unknown;

/**
 * Runs a step once on values without data, and gives what it did as a program. `state` and `batch` are trees of `LeafSpec`s.
 * Throws `TracingError`, `TensorFlowError`, and `TreeError` when the step returns a state of another structure, shape or dtype.
 */
export function trace(name: string, step: TracedStep, state: SpecTree, batch: SpecTree): Trace {
  const tracer = new Tracer(name);
  const engine = tf.engine();
  try {
    return whileTracing(tracer, () => {
      engine.startScope("trace");
      try {
        return traceInScope(tracer, step, state, batch);
      } finally {
        engine.endScope();
      }
    });
  } catch (error) {
    tracer.freeCaptured();
    throw error;
  } finally {
    tracer.dispose();
  }
}

function traceInScope(tracer: Tracer, step: TracedStep, state: SpecTree, batch: SpecTree): Trace {
  const argument = (kind: "state" | "batch") => (value: unknown, path: string) =>
    tensorFrom(widened(binding.adoptTraced(tracer, tracer.input(kind, path, value as Value))));
  const stateInputs = mapNode(state, argument("state"));
  const batchInputs = mapNode(batch, argument("batch"));
  const word = binding.adoptTraced(tracer, tracer.input("key", "key", { dtype: "uint64", shape: [1] }));
  try {
    const result = step(stateInputs, batchInputs, { key: new KeyWord(word.id), stream: 0n });
    const results = [
      ...stateResults(tracer, state, stateInputs, result.state),
      ...metricResults(tracer, result.metrics),
    ];
    const metrics = mapNode(result.metrics, () => 0);
    return { program: tracer.finish(results), captured: tracer.capturedHandles, metrics };
  } finally {
    binding.deleteTensor(word.id);
  }
}

/** Tfjs has no bytes: a uint8 becomes float32. */
export function widened(metadata: TensorMetadata): TensorMetadata {
  if (metadata.dtype !== binding.TF_UINT8) return metadata;
  const [cast] = binding.run("Cast", castTypes("uint8", "float32"), [metadata.id], 1);
  binding.deleteTensor(metadata.id);
  return cast as TensorMetadata;
}

/** The leaves of the next state that differ from those that the step was given. */
function stateResults(tracer: Tracer, state: SpecTree, given: unknown, returned: unknown): Result[] {
  const before = new Map(flatten(given as Tree<tf.Tensor>));
  const after = new Map(flatten(returned as Tree<tf.Tensor>));
  const specs = new Map(flatten(state as Tree<Value>));
  for (const path of after.keys())
    if (!specs.has(path))
      throw new TreeError(`the step returns state leaf "${path}", which the state it was given does not have`);
  return [...specs].flatMap(([path, spec]) => {
    const leaf = after.get(path);
    if (leaf === undefined) throw new TreeError(`the step returns no state leaf "${path}"`);
    const value = traced(tracer, leaf, `state leaf "${path}"`);
    const found = tracer.value(value);
    if (valueText(found) !== valueText(spec))
      throw new TreeError(`the step returns ${valueText(found)} for state leaf "${path}", which is ${valueText(spec)}`);
    return value === traced(tracer, before.get(path), path) ? [] : [{ kind: "state" as const, path, value }];
  });
}

function metricResults(tracer: Tracer, metrics: unknown): Result[] {
  return flatten(metrics as Tree<tf.Tensor | number>).map(([path, leaf]) => ({
    kind: "metric",
    path,
    value: traced(tracer, typeof leaf === "number" ? tf.scalar(leaf) : leaf, `metric "${path}"`),
  }));
}

function traced(tracer: Tracer, leaf: unknown, what: string): number {
  if (!(leaf instanceof tf.Tensor)) throw new TreeError(`${what} is no tensor`);
  const [id] = idsOf([leaf]);
  return tracer.valueOf(binding.handles.get(id as number, what));
}
