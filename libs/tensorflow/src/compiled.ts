import { chosenDevice, tensorflowContext } from "./core/context.ts";
import { check } from "./core/status.ts";
import { newHandle, readHandle, readHandleAsync, type TensorData } from "./core/tensor-memory.ts";
import { sizeOf } from "./dtype.ts";
import { api } from "./ffi/api.ts";
import { lower, removeFunction } from "./program/lower.ts";
import { biasGradient } from "./program/passes/bias-gradient.ts";
import { expandCasts } from "./program/passes/expand-casts.ts";
import { fusedBias } from "./program/passes/fused-bias.ts";
import { plainProducts } from "./program/passes/plain-products.ts";
import { sparseCrossEntropy } from "./program/passes/sparse-cross-entropy.ts";
import { sunkCasts } from "./program/passes/sunk-casts.ts";
import { uniformFromBits } from "./program/passes/uniform-from-bits.ts";
import { type Input, type Program, type Value, valueText } from "./program/program.ts";
import type { Variable } from "./state.ts";
import type { Trace } from "./tracing/trace.ts";
import { unflatten } from "./tree.ts";

/** Who compiles a program. */
export type Compiler = "graph" | "xla";

/** A leaf of the batch as an eager handle; `own` says that it is freed after the call. */
export interface BatchHandle {
  readonly handle: bigint;
  readonly own: boolean;
}

/** What a run gives, and the milliseconds that it spent in TensorFlow and around it. */
export interface RunResult {
  readonly metrics: unknown;
  readonly insideMs: number;
  readonly outsideMs: number;
}

/** A traced step as a function of TensorFlow. */
export interface Compiled {
  run(variables: readonly Variable[], batch: readonly BatchHandle[], keyWord: bigint): Promise<RunResult>;
  dispose(): void;
}

// Copying a metric of more bytes than this is left to another thread.
const LARGE_BYTES = 1 << 20;

/** Compiles a traced step. Throws `TensorFlowError`. */
export function compile({ program, captured, metrics: structure }: Trace, compiler: Compiler): Compiled {
  const lowered = lower(prepare(program, compiler));
  const places = {
    state: argumentPlaces(lowered.inputs, "state"),
    batch: argumentPlaces(lowered.inputs, "batch"),
    captured: argumentPlaces(lowered.inputs, "captured"),
    key: argumentPlaces(lowered.inputs, "key"),
  };
  const metrics = program.results.filter(({ kind }) => kind === "metric");
  const metricValues = metrics.map(({ value }) => program.values[value] as Value);
  let freeCaptured = () => {
    for (const handle of captured) api().TFE_DeleteTensorHandle(handle);
    removeFunction(lowered.name);
    freeCaptured = () => undefined;
  };

  const readMetrics = async (outputs: BigUint64Array) => {
    const leaves: Record<string, unknown> = {};
    for (const [i, { path }] of metrics.entries())
      leaves[path] = await readMetric(outputs[i] as bigint, metricValues[i] as Value);
    return unflatten(structure, leaves);
  };

  return {
    async run(variables, batch, keyWord) {
      const started = performance.now();
      const key = newHandle("uint64", [1], BigUint64Array.of(keyWord));
      const inputs = new BigUint64Array(lowered.inputs.length);
      variables.forEach(({ resource }, i) => {
        inputs[places.state[i] as number] = resource;
      });
      batch.forEach(({ handle }, i) => {
        inputs[places.batch[i] as number] = handle;
      });
      captured.forEach((handle, i) => {
        inputs[places.captured[i] as number] = handle;
      });
      inputs[places.key[0] as number] = key;
      const outputs = new BigUint64Array(Math.max(1, lowered.outputCount));
      try {
        const insideMs = await call(lowered.name, compiler, inputs, outputs, lowered.outputCount, () =>
          program.inputs.map(({ value, path }) => `${path}: ${valueText(program.values[value] as Value)}`),
        );
        const result = await readMetrics(outputs);
        return { metrics: result, insideMs, outsideMs: performance.now() - started - insideMs };
      } finally {
        const done = [key, ...batch.filter(({ own }) => own).map(({ handle }) => handle), ...outputs];
        for (const handle of done) if (handle !== 0n) api().TFE_DeleteTensorHandle(handle);
      }
    },
    dispose: () => freeCaptured(),
  };
}

/** The program as it is handed to a compiler. XLA fuses by itself, and has kernels for batched products alone. */
export function prepare(program: Program, compiler: Compiler): Program {
  const cast = expandCasts(program);
  return compiler === "xla"
    ? sunkCasts(uniformFromBits(cast))
    : sunkCasts(sparseCrossEntropy(biasGradient(fusedBias(plainProducts(cast)))));
}

/** Where among the arguments the inputs of a kind stand: in the order of their paths, or in which they were captured. */
function argumentPlaces(inputs: readonly Input[], kind: Input["kind"]): number[] {
  const found = inputs.flatMap((input, place) => (input.kind === kind ? [{ path: input.path, place }] : []));
  if (kind !== "captured") found.sort((a, b) => (a.path < b.path ? -1 : 1));
  return found.map(({ place }) => place);
}

/** Calls a function on another thread; resolves to the milliseconds that it took. Rejects with `TensorFlowError`. */
async function call(
  name: string,
  compiler: Compiler,
  inputs: BigUint64Array,
  outputs: BigUint64Array,
  outputCount: number,
  describe: () => string[],
): Promise<number> {
  const c = api();
  const status = c.TF_NewStatus();
  const operands = () => ({ op: name, inputs: describe() });
  const op = c.TFE_NewOp(tensorflowContext(), name, status);
  try {
    check(status, operands);
    if (compiler === "xla") {
      c.TFE_OpSetAttrBool(op as bigint, "_XlaMustCompile", 1);
      // XLA compiles for one device, and the graph's placement does not reach into its program.
      c.TFE_OpSetDevice(op as bigint, chosenDevice().name, status);
      check(status, operands);
    }
    c.TFE_OpAddInputList(op as bigint, inputs, inputs.length, status);
    check(status, operands);
    const count = Int32Array.of(outputCount);
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      c.TFE_Execute.async(op as bigint, outputs, count, status, (error) => (error ? reject(error) : resolve()));
    });
    const ms = performance.now() - started;
    check(status, operands);
    return ms;
  } finally {
    if (op !== null) c.TFE_DeleteOp(op);
    c.TF_DeleteStatus(status);
  }
}

async function readMetric(handle: bigint, { dtype, shape }: Value): Promise<unknown> {
  const data = sizeOf(shape) * 4 > LARGE_BYTES ? await readHandleAsync(handle) : readHandle(handle);
  return shape.length === 0 ? scalar(data) : { dtype, shape, data };
}

function scalar(data: TensorData): number {
  return Number(data[0]);
}
