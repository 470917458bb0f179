import "./node-compatibility.ts";
import * as tf from "@tensorflow/tfjs-core";
import kernelBackend from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import "./replaced-kernels.ts";
import { TensorFlowError, TracingError } from "../errors.ts";
import type { Attributes } from "../program/attribute.ts";
import { callName, inheritMarks } from "../tracing/marks.ts";
import { currentTracer } from "../tracing/tracer.ts";
import { Binding, type TensorMetadata } from "./binding.ts";

/** What the kernels' backend keeps about a tensor; an id of -1 means that `values` have not been handed over yet. */
interface TensorInfo {
  id: number;
}

// The kernels' backend is an ES5 class whose useful half is private; these are its parts that are used or replaced here.
interface KernelBackend extends tf.KernelBackend {
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  tensorMap: tf.DataStorage<TensorInfo>;
}
const Base = kernelBackend.NodeJSKernelBackend as unknown as new (
  binding: Binding,
  packageName: string,
) => KernelBackend;

/** Host draws of tfjs, and what to use in a compiled function. */
const DRAWS: Record<string, string> = {
  "tf.randomNormal": "random.normal(key, shape)",
  "tf.randomStandardNormal": "random.normal(key, shape)",
  "tf.truncatedNormal": "random.truncatedNormal(key, shape)",
  "tf.randomUniform": "random.uniform(key, shape)",
  "tf.randomUniformInt": "random.integers(key, shape, low, high)",
  "tf.randomGamma": "random.beta(key, shape, a, b)",
  "tf.rand": "random.uniform(key, shape)",
  "tf.dropout": "random.bernoulli(key, shape, 1 - rate)",
};

/** tfjs-node's backend on this package's binding. */
class LibtensorflowBackend extends Base {
  readonly ffi: Binding;

  constructor(binding: Binding) {
    super(binding, "tfjs-libtensorflow");
    this.ffi = binding;
  }

  /** Takes data from the host. Draws on the host are refused while tracing: one draw would be the same in every step. */
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    const replacement = currentTracer() === undefined ? undefined : DRAWS[callName()];
    if (replacement !== undefined)
      throw new TracingError(
        `${callName()} draws its numbers once, while the function is traced; use ${replacement} with the step's key`,
      );
    return super.write(values, shape, dtype);
  }

  tensorFrom(metadata: TensorMetadata): tf.Tensor {
    return this.createOutputTensor(metadata);
  }

  idsOf(tensors: tf.TensorInfo[]): number[] {
    return this.getInputTensorIds(tensors);
  }
}

/** The binding under the backend. */
export const binding = new Binding();
const backend = new LibtensorflowBackend(binding);

/** A tensor of tfjs on an id of the binding, tracked by the current `tidy`. */
export function tensorFrom(metadata: TensorMetadata): tf.Tensor {
  return backend.tensorFrom(metadata);
}

/** The binding's ids of tensors. Throws `TensorFlowError` when a tensor was disposed. */
export function idsOf(tensors: tf.Tensor[]): number[] {
  refuseDisposed(undefined, tensors);
  return backend.idsOf(tensors);
}

function refuseDisposed(op: string | undefined, tensors: object): void {
  // A disposed clone may still be used where its data live on; gradients of tfjs itself do so.
  for (const [name, tensor] of Object.entries(tensors))
    if (tensor instanceof tf.Tensor && tensor.isDisposed && !backend.tensorMap.has(tensor.dataId))
      throw new TensorFlowError("FAILED_PRECONDITION", `input ${name} was disposed and can't be used`, {
        op,
        inputs: Object.values(tensors).map((t) => (t instanceof tf.Tensor ? `${t.dtype}[${t.shape.join(",")}]` : "?")),
      });
}

/** Runs or records an operation of TensorFlow by its own name on tensors of tfjs. It has no gradient: see `tf.customGrad`. */
export function rawOp(name: string, attributes: Attributes, inputs: tf.Tensor[], outputs = 1): tf.Tensor[] {
  return binding.run(name, attributes, idsOf(inputs), outputs).map(tensorFrom);
}

/** Registers the backend under the name that the kernels look for, and selects it. */
function install(): void {
  tf.registerBackend("tensorflow", () => backend, 3);
  // Resolves at once: the backend is made already, and the library is loaded by the first operation.
  void tf.setBackend("tensorflow");
  inheritMarks();
  refuseVariables();
  // Tfjs itself stumbles over a disposed tensor with a TypeError from its inside.
  const engine = tf.engine();
  const runKernel = engine.runKernel;
  engine.runKernel = (name, inputs, attrs) => {
    refuseDisposed(name, inputs);
    return runKernel.call(engine, name, inputs, attrs) as never;
  };
}

function refuseVariables(): void {
  const engine = tf.engine();
  const make = engine.makeVariable;
  engine.makeVariable = (...args) => {
    refuseState("tf.variable");
    return make.apply(engine, args);
  };
  const assign = tf.Variable.prototype.assign;
  tf.Variable.prototype.assign = function (this: tf.Variable, value) {
    refuseState("Variable.assign");
    assign.call(this, value);
  };
}

function refuseState(call: string): void {
  if (currentTracer() !== undefined)
    throw new TracingError(
      `${call} changes a variable while a function is traced, and would do so once only; keep it in the step's state and return its next value (optimizers of tf.train keep variables, too)`,
    );
}

install();
