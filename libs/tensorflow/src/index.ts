import "./core/gradients.ts";

export * as tf from "@tensorflow/tfjs-core";
export type { Compiler } from "./compiled.ts";
export { rawOp } from "./core/backend.ts";
export { type Configuration, configure, type DeviceChoice } from "./core/config.ts";
export { chosenDevice, type Device, devices, tensorflowVersion } from "./core/context.ts";
export type { DType } from "./dtype.ts";
export { type TensorFlowCode, TensorFlowError, TracingError, TreeError } from "./errors.ts";
export { type TensorTree, valueAndGrad } from "./gradient.ts";
export { checkHostArray, type HostArray, type HostData, type HostDType, hostArray, isHostArray } from "./host-array.ts";
export { type Host, type JitOptions, type JitStatistics, type Jitted, jit, type Metrics, type Step } from "./jit.ts";
export * from "./library/index.ts";
export { type Logger, type LogLevel, setLogger } from "./logger.ts";
export type { Attribute, Attributes } from "./program/attribute.ts";
export { countFlops } from "./program/flops.ts";
export { printProgram } from "./program/print.ts";
export type { Input, Operation, Program, Result, Value } from "./program/program.ts";
export * as random from "./random/index.ts";
export type { HostKey, Key } from "./random/key.ts";
export { recomputed } from "./recompute.ts";
export { decodeSafetensors, encodeSafetensors, type SafetensorsContent, SafetensorsError } from "./safetensors.ts";
export { readSafetensors } from "./safetensors-file.ts";
export { State, type Variable } from "./state.ts";
export { node, type TfjsNode } from "./tfjs-node.ts";
export { autocast } from "./tracing/marks.ts";
export { leafShape, programOf, type Shapes, shapesOf } from "./tracing/shapes.ts";
export {
  flatten,
  isLeaf,
  type Leaf,
  type LeafOf,
  type MapLeaves,
  mapTree,
  paths,
  type Tensors,
  type Tree,
  toRecord,
  unflatten,
  zipTrees,
} from "./tree.ts";
