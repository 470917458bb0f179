import { type DType, dtypeName, dtypeNumber } from "../dtype.ts";
import { TensorFlowError, TracingError } from "../errors.ts";
import { api } from "../ffi/api.ts";
import type { Attribute, Attributes } from "../program/attribute.ts";
import { castTypes, inBfloat16 } from "../program/passes/expand-casts.ts";
import { callName, castMark } from "../tracing/marks.ts";
import { CAST_OPERATIONS, currentTracer, type Tracer } from "../tracing/tracer.ts";
import { execute } from "./execute.ts";
import { type Entry, entryText, HandleTable } from "./handle-table.ts";
import { describeHandle, newHandle, readHandle, type TensorData } from "./tensor-memory.ts";

/** An attribute as the kernels of tfjs-node give it. */
export interface KernelAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What tfjs-node calls `TensorMetadata`: a tensor by its id. */
export interface TensorMetadata {
  id: number;
  shape: number[];
  dtype: number;
}

const ATTR = { STRING: 0, INT: 1, FLOAT: 2, BOOL: 3, TYPE: 4, SHAPE: 5, RESOURCE: 6 } as const;

/**
 * Stands in for tfjs-node's native addon: the same methods and constants (`TFJSBinding`), over FFI. While a function is traced,
 * operations are recorded instead of run.
 */
export class Binding {
  readonly TF_FLOAT = dtypeNumber("float32");
  readonly TF_INT32 = dtypeNumber("int32");
  readonly TF_INT64 = dtypeNumber("int64");
  readonly TF_BOOL = dtypeNumber("bool");
  readonly TF_COMPLEX64 = dtypeNumber("complex64");
  readonly TF_STRING = dtypeNumber("string");
  readonly TF_RESOURCE = dtypeNumber("resource");
  readonly TF_UINT8 = dtypeNumber("uint8");
  readonly TF_ATTR_STRING = ATTR.STRING;
  readonly TF_ATTR_INT = ATTR.INT;
  readonly TF_ATTR_FLOAT = ATTR.FLOAT;
  readonly TF_ATTR_BOOL = ATTR.BOOL;
  readonly TF_ATTR_TYPE = ATTR.TYPE;
  readonly TF_ATTR_SHAPE = ATTR.SHAPE;
  readonly TF_ATTR_RESOURCE = ATTR.RESOURCE;

  readonly handles = new HandleTable();

  get TF_Version(): string {
    return api().TF_Version();
  }

  isUsingGpuDevice(): boolean {
    return false;
  }

  createTensor(shape: number[], dtype: number, values: unknown): number {
    const data = toData(dtypeName(dtype), values);
    const own = shape.slice();
    // Data made during a trace becomes a constant of the program, and a tensor of its own only if it is used after the trace.
    if (currentTracer() !== undefined && !Array.isArray(data))
      return this.handles.add({ kind: "constant", dtype, shape: own, data });
    return this.handles.add({ kind: "eager", dtype, shape: own, handle: newHandle(dtypeName(dtype), own, data) });
  }

  deleteTensor(id: number): void {
    this.handles.delete(id);
  }

  tensorDataSync(id: number): TensorData {
    const entry = this.handles.get(id, "read");
    if (entry.kind === "traced") throw readWhileTracing(entry);
    if (entry.kind === "constant") return entry.data;
    return readHandle(entry.handle);
  }

  executeOp(
    name: string,
    attributes: readonly KernelAttribute[],
    ids: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    return this.run(name, toAttributes(attributes), ids, outputs);
  }

  /** `executeOp` with attributes of this package's own kind. */
  run(name: string, attributes: Attributes, ids: readonly number[], outputs: number): TensorMetadata[] {
    const entries = ids.map((id) => this.handles.get(id, name));
    const tracer = currentTracer();
    if (tracer !== undefined) return this.#record(tracer, name, attributes, entries, outputs);
    const inputs = ids.map((id) => this.eagerHandle(id, name));
    const describe = () => entries.map(entryText);
    const handles =
      castMark() !== undefined && CAST_OPERATIONS.has(name)
        ? executeCast(name, attributes, inputs, entries, outputs)
        : execute(name, attributes, inputs, outputs, describe);
    return handles.map((handle) => this.adopt(handle));
  }

  /** Gives an eager handle an id; the table owns it from now on. */
  adopt(handle: bigint): TensorMetadata {
    const { dtype, shape } = describeHandle(handle);
    return { id: this.handles.add({ kind: "eager", dtype, shape, handle }), dtype, shape: shape.slice() };
  }

  /** Gives a value of the program being traced an id. */
  adoptTraced(tracer: Tracer, value: number): TensorMetadata {
    const { dtype, shape } = tracer.value(value);
    const number = dtypeNumber(dtype);
    const entry: Entry = { kind: "traced", trace: tracer, value, dtype: number, shape: shape.slice() };
    return { id: this.handles.add(entry), dtype: number, shape: shape.slice() };
  }

  /** The eager handle of an id; the table keeps owning it. Throws `TracingError` for a value that has no data. */
  eagerHandle(id: number, op?: string): bigint {
    const entry = this.handles.get(id, op);
    if (entry.kind === "eager") return entry.handle;
    if (entry.kind === "traced")
      throw new TracingError(
        `${op ?? callName()} uses a value ${entryText(entry)} of a trace that has ended; return it as a metric, or in the state`,
      );
    const { dtype, shape, data } = entry;
    const handle = newHandle(dtypeName(dtype), shape, data);
    this.handles.replace(id, { kind: "eager", dtype, shape, handle });
    return handle;
  }

  #record(tracer: Tracer, name: string, attributes: Attributes, entries: Entry[], outputs: number): TensorMetadata[] {
    refuseStateful(name);
    const inputs = entries.map((entry) => tracer.valueOf(entry));
    return tracer.record(name, attributes, inputs, outputs).map((value) => this.adoptTraced(tracer, value));
  }

  getNumOfTensors(): number {
    return this.handles.size;
  }

  getNumOfSavedModels(): number {
    return 0;
  }

  loadSavedModel(): never {
    throw noSavedModels();
  }

  runSavedModel(): never {
    throw noSavedModels();
  }

  deleteSavedModel(): never {
    throw noSavedModels();
  }
}

function noSavedModels(): Error {
  return new TensorFlowError(
    "UNIMPLEMENTED",
    "SavedModels are not read by this backend; convert the model to tfjs's own format and load it with tf.loadGraphModel",
  );
}

const STATEFUL = new Set([
  "Multinomial",
  "RandomUniform",
  "RandomStandardNormal",
  "TruncatedNormal",
  "RandomUniformInt",
]);

function refuseStateful(name: string): void {
  if (STATEFUL.has(name))
    throw new TracingError(
      `${callName()} draws from a hidden generator, which a compiled function has none of; use random.* with the step's key`,
    );
}

function readWhileTracing(entry: Entry): TracingError {
  const caller = new Error().stack
    ?.split("\n")
    .slice(1)
    .find((line) => !/node_modules|node:internal|core\/binding|read-while/.test(line))
    ?.trim();
  return new TracingError(
    `a value ${entryText(entry)} is read ${caller === undefined ? "" : `${caller} `}while the function is traced (in ${callName()}): ` +
      "a compiled function has no values before it runs; return it as a metric, or compute with tensors (tf.where in place of if)",
  );
}

/** Runs a product or convolution on operands rounded to bfloat16, with a float32 result, as autocast does in compiled functions. */
function executeCast(
  name: string,
  attributes: Attributes,
  inputs: readonly bigint[],
  entries: readonly Entry[],
  outputs: number,
): bigint[] {
  const made: bigint[] = [];
  const cast = (handle: bigint, from: DType, to: DType) => {
    const [result] = execute("Cast", castTypes(from, to), [handle], 1);
    return result as bigint;
  };
  try {
    const narrow = inputs.map((handle, i) => {
      if (dtypeName((entries[i] as Entry).dtype) !== "float32") return handle;
      made.push(cast(handle, "float32", "bfloat16"));
      return made.at(-1) as bigint;
    });
    const results = execute(name, inBfloat16(attributes), narrow, outputs, () => entries.map(entryText));
    made.push(...results);
    return results.map((handle) => cast(handle, "bfloat16", "float32"));
  } finally {
    for (const handle of made) api().TFE_DeleteTensorHandle(handle);
  }
}

function toAttributes(attributes: readonly KernelAttribute[]): Attributes {
  return Object.fromEntries(attributes.map((attribute) => [attribute.name, toAttribute(attribute)]));
}

function toAttribute({ name, type, value }: KernelAttribute): Attribute {
  const list = Array.isArray(value);
  switch (type) {
    case ATTR.STRING:
      return { kind: "string", value: value as string };
    case ATTR.INT:
      return list ? { kind: "ints", value: value as number[] } : { kind: "int", value: value as number };
    case ATTR.FLOAT:
      return list ? { kind: "floats", value: value as number[] } : { kind: "float", value: value as number };
    case ATTR.BOOL:
      return list ? { kind: "bools", value: value as boolean[] } : { kind: "bool", value: Boolean(value) };
    case ATTR.TYPE:
      return { kind: "type", value: dtypeName(value as number) };
    case ATTR.SHAPE:
      return { kind: "shape", value: value as number[] };
    default:
      throw new TensorFlowError(
        "UNIMPLEMENTED",
        `attribute ${name} has kind ${type}, which this binding does not pass on`,
      );
  }
}

/** Brings the values that tfjs hands over into the memory layout of the dtype. Throws `TensorFlowError` for what does not fit. */
function toData(dtype: DType, values: unknown): TensorData {
  if (dtype === "string") return values as Uint8Array[];
  // Int64 scalars of tfjs-node come as two 32-bit halves.
  if (dtype === "int64" && values instanceof Int32Array)
    return new BigInt64Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  const array = {
    float32: Float32Array,
    int32: Int32Array,
    bool: Uint8Array,
    uint8: Uint8Array,
    complex64: Float32Array,
  }[dtype as string];
  if (array === undefined) return values as TensorData;
  if (values instanceof array) return values;
  if (values !== null && typeof values === "object" && "length" in values && "slice" in values)
    return array.from(values as ArrayLike<number>);
  throw new TensorFlowError("INVALID_ARGUMENT", `a tensor of ${dtype} can't be made from ${typeof values}`);
}
