import { type Entry, entryText } from "../core/handle-table.ts";
import { check, status } from "../core/status.ts";
import { newHandle } from "../core/tensor-memory.ts";
import { dtypeName, sizeOf } from "../dtype.ts";
import { TracingError } from "../errors.ts";
import { api, type Output } from "../ffi/api.ts";
import type { Attributes, ConstantValue } from "../program/attribute.ts";
import { GraphBuilder } from "../program/graph-builder.ts";
import { type Input, type Operation, type Program, type Result, type Value, valueText } from "../program/program.ts";
import { callName, castMark } from "./marks.ts";

/** Operations that autocast marks. */
export const CAST_OPERATIONS: ReadonlySet<string> = new Set([
  "MatMul",
  "BatchMatMulV2",
  "Conv2D",
  "Conv2DBackpropInput",
  "Conv2DBackpropFilter",
]);

const INTERNED_BYTES = 256;
const SPLAT_ELEMENTS = 16;
/** Larger data that is made during a trace is handed over as an input: inside the function it would be held several times. */
const INLINE_BYTES = 1 << 16;

/**
 * Collects the operations of one trace as a `Program`. A scratch graph beside it is asked for the shapes, and nothing else.
 */
export class Tracer {
  readonly #name: string;
  readonly #oracle = new GraphBuilder();
  readonly #nodes: Output[] = [];
  readonly #values: Value[] = [];
  readonly #inputs: Input[] = [];
  readonly #operations: Operation[] = [];
  readonly #interned = new Map<string, number>();
  readonly #captures = new Map<Entry, number>();
  /** Handles of captured tensors, in the order of the captured inputs. They share memory with the tensors and outlive them. */
  readonly capturedHandles: bigint[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** A new input of the program. */
  input(kind: Input["kind"], path: string, { dtype, shape }: Value): number {
    const attributes: Attributes = { dtype: { kind: "type", value: dtype }, shape: { kind: "shape", value: shape } };
    const value = this.#append({ oper: this.#oracle.add("Placeholder", attributes, []), index: 0 }, { dtype, shape });
    this.#inputs.push({ kind, path, value });
    return value;
  }

  /** A constant. Equal small ones are one value; a large one of equal elements is filled where it is needed. */
  constant(constant: ConstantValue): number {
    const { dtype, shape, data } = constant;
    if (Array.isArray(data))
      throw new TracingError(`${callName()} makes strings, which a compiled function can't hold`);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const splat = sizeOf(shape) > SPLAT_ELEMENTS && data.every((x: number | bigint) => x === data[0]);
    const content = splat ? `splat ${data[0]}` : bytes.length <= INTERNED_BYTES ? bytes.toString("latin1") : undefined;
    const key = content === undefined ? undefined : `${valueText(constant)} ${content}`;
    const known = key === undefined ? undefined : this.#interned.get(key);
    if (known !== undefined) return known;
    let value: number;
    if (splat) value = this.#fill(constant);
    else if (bytes.length > INLINE_BYTES) value = this.#captured(constant, newHandle(dtype, shape, data));
    else value = this.#constant({ dtype, shape, data: data.slice() });
    if (key !== undefined) this.#interned.set(key, value);
    return value;
  }

  #constant(constant: ConstantValue): number {
    const attributes: Attributes = {
      dtype: { kind: "type", value: constant.dtype },
      value: { kind: "tensor", value: constant },
    };
    return this.record("Const", attributes, [], 1)[0] as number;
  }

  #fill({ dtype, shape, data }: ConstantValue): number {
    const element = this.constant({ dtype, shape: [], data: (data as Float32Array).slice(0, 1) });
    const dims = this.constant({ dtype: "int32", shape: [shape.length], data: Int32Array.from(shape) });
    const attributes: Attributes = { T: { kind: "type", value: dtype }, index_type: { kind: "type", value: "int32" } };
    return this.record("Fill", attributes, [dims, element], 1)[0] as number;
  }

  /** The value of the program that a tensor of tfjs stands for: traced, made during the trace, or captured from outside. */
  valueOf(entry: Entry): number {
    const dtype = dtypeName(entry.dtype);
    if (entry.kind === "constant") return this.#remembered(entry, { dtype, shape: entry.shape, data: entry.data });
    if (entry.kind === "eager") return this.#capture(entry, entry.handle);
    if (entry.trace !== this)
      throw new TracingError(
        `a value ${entryText(entry)} of another trace is used in "${this.#name}"; return what a later step needs in the state`,
      );
    return entry.value;
  }

  /** The constant of an entry, also where it is too large to be interned by its content. */
  #remembered(entry: Entry, constant: ConstantValue): number {
    const value = this.#captures.get(entry) ?? this.constant(constant);
    this.#captures.set(entry, value);
    return value;
  }

  #capture(entry: Entry, handle: bigint): number {
    const known = this.#captures.get(entry);
    if (known !== undefined) return known;
    const shared = api().TFE_TensorHandleCopySharingTensor(handle, status());
    check(status());
    const value = this.#captured({ dtype: dtypeName(entry.dtype), shape: entry.shape }, shared as bigint);
    this.#captures.set(entry, value);
    return value;
  }

  #captured(value: Value, handle: bigint): number {
    const { length } = this.capturedHandles;
    this.capturedHandles.push(handle);
    return this.input("captured", `captured.${length}`, value);
  }

  /** Records an operation and returns the values of its outputs. Throws `TensorFlowError` when TensorFlow refuses it. */
  record(name: string, attributes: Attributes, inputs: readonly number[], outputCount: number): number[] {
    const from = callName();
    const describe = () => inputs.map((i) => valueText(this.value(i)));
    const nodes = inputs.map((i) => this.#nodes[i] as Output);
    const operation = this.#oracle.add(name, attributes, nodes, describe);
    const outputs = Array.from({ length: outputCount }, (_, index) => {
      const node = { oper: operation, index };
      return this.#append(node, this.#oracle.describe(node, name));
    });
    const cast = castMark() !== undefined && CAST_OPERATIONS.has(name) ? { cast: "bfloat16" as const } : {};
    this.#operations.push({ name, attributes, inputs, outputs, from, ...cast });
    return outputs;
  }

  /** Dtype and shape of a value. */
  value(index: number): Value {
    return this.#values[index] as Value;
  }

  #append(node: Output, value: Value): number {
    this.#nodes.push(node);
    return this.#values.push(value) - 1;
  }

  /** Ends the trace. */
  finish(results: readonly Result[]): Program {
    return {
      name: this.#name,
      values: this.#values,
      inputs: this.#inputs,
      operations: this.#operations,
      results,
    };
  }

  /** Frees the captured handles of a trace that failed. */
  freeCaptured(): void {
    for (const handle of this.capturedHandles.splice(0)) api().TFE_DeleteTensorHandle(handle);
  }

  /** Frees the scratch graph; the program stays. */
  dispose(): void {
    this.#oracle.dispose();
  }
}

let current: Tracer | undefined;

/** The trace that is going on, if any. */
export function currentTracer(): Tracer | undefined {
  return current;
}

/** Runs `body` with operations recorded by `tracer`. Throws `TracingError` inside another trace. */
export function whileTracing<T>(tracer: Tracer, body: () => T): T {
  if (current !== undefined) throw new TracingError("a compiled function was called while another one is traced");
  current = tracer;
  try {
    return body();
  } finally {
    current = undefined;
  }
}
