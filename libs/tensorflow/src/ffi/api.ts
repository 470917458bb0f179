import koffi, { type TypeObject } from "koffi";
import { openPinned } from "./open.ts";

/** A C pointer: an address, or null for NULL. */
export type Pointer = bigint | null;
/** What may stand where C takes a `void *`: an address, or a typed array whose memory is read or written in place. */
export type Memory = Pointer | NodeJS.ArrayBufferView;

/** `TF_Output`: one output of an operation in a `TF_Graph`. */
export interface Output {
  readonly oper: bigint;
  readonly index: number;
}

/** The part of TensorFlow's C API that this package calls, and three functions of the C library. */
export interface Api {
  TF_Version(): string;
  TF_NewStatus(): bigint;
  TF_DeleteStatus(status: bigint): void;
  TF_GetCode(status: bigint): number;
  TF_Message(status: bigint): string;
  TF_AllocateTensor(dtype: number, dims: Memory, rank: number, bytes: number): Pointer;
  TF_TensorData(tensor: bigint): Pointer;
  TF_TensorByteSize(tensor: bigint): number;
  TF_DeleteTensor(tensor: bigint): void;
  TF_StringInit(string: bigint): void;
  TF_StringCopy(string: bigint, bytes: Memory, length: number): void;
  TF_StringDealloc(string: bigint): void;
  TF_StringGetDataPointer(string: bigint): Pointer;
  TF_StringGetSize(string: bigint): number;
  TFE_NewContextOptions(): bigint;
  TFE_DeleteContextOptions(options: bigint): void;
  TFE_ContextOptionsSetConfig(options: bigint, bytes: Memory, length: number, status: bigint): void;
  TFE_NewContext(options: bigint, status: bigint): bigint;
  TFE_ContextListDevices(context: bigint, status: bigint): bigint;
  TF_DeleteDeviceList(list: bigint): void;
  TF_DeviceListCount(list: bigint): number;
  TF_DeviceListName(list: bigint, index: number, status: bigint): string;
  TF_DeviceListType(list: bigint, index: number, status: bigint): string;
  TF_DeviceListMemoryBytes(list: bigint, index: number, status: bigint): number;
  TFE_NewTensorHandle(tensor: bigint, status: bigint): Pointer;
  TFE_TensorHandleResolve(handle: bigint, status: bigint): Pointer;
  TFE_TensorHandleCopySharingTensor(handle: bigint, status: bigint): Pointer;
  TFE_TensorHandleDataType(handle: bigint): number;
  TFE_TensorHandleNumDims(handle: bigint, status: bigint): number;
  TFE_TensorHandleDim(handle: bigint, index: number, status: bigint): number;
  TFE_DeleteTensorHandle(handle: bigint): void;
  TFE_NewOp(context: bigint, name: string, status: bigint): Pointer;
  TFE_DeleteOp(op: bigint): void;
  TFE_OpReset(op: bigint, name: string, device: string | null, status: bigint): void;
  TFE_OpSetDevice(op: bigint, device: string, status: bigint): void;
  TFE_OpAddInput(op: bigint, handle: bigint, status: bigint): void;
  TFE_OpAddInputList(op: bigint, handles: Memory, count: number, status: bigint): void;
  TFE_OpSetAttrType(op: bigint, name: string, value: number): void;
  TFE_OpSetAttrTypeList(op: bigint, name: string, values: Memory, count: number): void;
  TFE_OpSetAttrInt(op: bigint, name: string, value: number | bigint): void;
  TFE_OpSetAttrIntList(op: bigint, name: string, values: Memory, count: number): void;
  TFE_OpSetAttrFloat(op: bigint, name: string, value: number): void;
  TFE_OpSetAttrFloatList(op: bigint, name: string, values: Memory, count: number): void;
  TFE_OpSetAttrBool(op: bigint, name: string, value: number): void;
  TFE_OpSetAttrBoolList(op: bigint, name: string, values: Memory, count: number): void;
  TFE_OpSetAttrString(op: bigint, name: string, bytes: Memory, length: number): void;
  TFE_OpSetAttrShape(op: bigint, name: string, dims: Memory, rank: number, status: bigint): void;
  TFE_Execute: {
    (op: bigint, outputs: Memory, count: Memory, status: bigint): void;
    async(op: bigint, outputs: Memory, count: Memory, status: bigint, done: (error: unknown) => void): void;
  };
  TFE_ContextAddFunction(context: bigint, fn: bigint, status: bigint): void;
  TFE_ContextRemoveFunction(context: bigint, name: string, status: bigint): void;
  TF_NewGraph(): bigint;
  TF_DeleteGraph(graph: bigint): void;
  TF_NewOperation(graph: bigint, type: string, name: string): bigint;
  TF_AddInput(description: bigint, input: Output): void;
  TF_AddInputList(description: bigint, inputs: Memory, count: number): void;
  TF_AddControlInput(description: bigint, operation: bigint): void;
  TF_SetAttrType(description: bigint, name: string, value: number): void;
  TF_SetAttrTypeList(description: bigint, name: string, values: Memory, count: number): void;
  TF_SetAttrInt(description: bigint, name: string, value: number | bigint): void;
  TF_SetAttrIntList(description: bigint, name: string, values: Memory, count: number): void;
  TF_SetAttrFloat(description: bigint, name: string, value: number): void;
  TF_SetAttrFloatList(description: bigint, name: string, values: Memory, count: number): void;
  TF_SetAttrBool(description: bigint, name: string, value: number): void;
  TF_SetAttrBoolList(description: bigint, name: string, values: Memory, count: number): void;
  TF_SetAttrString(description: bigint, name: string, bytes: Memory, length: number): void;
  TF_SetAttrStringList(description: bigint, name: string, bytes: Memory, lengths: Memory, count: number): void;
  TF_SetAttrShape(description: bigint, name: string, dims: Memory, rank: number): void;
  TF_SetAttrTensor(description: bigint, name: string, tensor: bigint, status: bigint): void;
  TF_FinishOperation(description: bigint, status: bigint): Pointer;
  TF_OperationOutputType(output: Output): number;
  TF_GraphGetTensorNumDims(graph: bigint, output: Output, status: bigint): number;
  TF_GraphGetTensorShape(graph: bigint, output: Output, dims: Memory, rank: number, status: bigint): void;
  TF_GraphToFunctionWithControlOutputs(
    graph: bigint,
    name: string,
    appendHash: number,
    operationCount: number,
    operations: Memory,
    inputCount: number,
    inputs: Memory,
    outputCount: number,
    outputs: Memory,
    outputNames: Memory,
    controlCount: number,
    controls: Memory,
    controlNames: Memory,
    options: Memory,
    description: string | null,
    status: bigint,
  ): Pointer;
  TF_DeleteFunction(fn: bigint): void;
  memcpy: {
    (target: Memory, source: Memory, bytes: number): Pointer;
    async(target: Memory, source: Memory, bytes: number, done: (error: unknown) => void): void;
  };
}

const OUTPUT = koffi.struct({ oper: "void *", index: "int" });
type Spec = string | TypeObject;
const p = "void *";
const s = "str";
const n = "size_t";

// Result type, then argument types; `p` is any pointer.
const SIGNATURES: Record<Exclude<keyof Api, "memcpy">, [Spec, Spec[]]> = {
  TF_Version: [s, []],
  TF_NewStatus: [p, []],
  TF_DeleteStatus: ["void", [p]],
  TF_GetCode: ["int", [p]],
  TF_Message: [s, [p]],
  TF_AllocateTensor: [p, ["int", p, "int", n]],
  TF_TensorData: [p, [p]],
  TF_TensorByteSize: [n, [p]],
  TF_DeleteTensor: ["void", [p]],
  TF_StringInit: ["void", [p]],
  TF_StringCopy: ["void", [p, p, n]],
  TF_StringDealloc: ["void", [p]],
  TF_StringGetDataPointer: [p, [p]],
  TF_StringGetSize: [n, [p]],
  TFE_NewContextOptions: [p, []],
  TFE_DeleteContextOptions: ["void", [p]],
  TFE_ContextOptionsSetConfig: ["void", [p, p, n, p]],
  TFE_NewContext: [p, [p, p]],
  TFE_ContextListDevices: [p, [p, p]],
  TF_DeleteDeviceList: ["void", [p]],
  TF_DeviceListCount: ["int", [p]],
  TF_DeviceListName: [s, [p, "int", p]],
  TF_DeviceListType: [s, [p, "int", p]],
  TF_DeviceListMemoryBytes: ["int64_t", [p, "int", p]],
  TFE_NewTensorHandle: [p, [p, p]],
  TFE_TensorHandleResolve: [p, [p, p]],
  TFE_TensorHandleCopySharingTensor: [p, [p, p]],
  TFE_TensorHandleDataType: ["int", [p]],
  TFE_TensorHandleNumDims: ["int", [p, p]],
  TFE_TensorHandleDim: ["int64_t", [p, "int", p]],
  TFE_DeleteTensorHandle: ["void", [p]],
  TFE_NewOp: [p, [p, s, p]],
  TFE_DeleteOp: ["void", [p]],
  TFE_OpReset: ["void", [p, s, s, p]],
  TFE_OpSetDevice: ["void", [p, s, p]],
  TFE_OpAddInput: ["void", [p, p, p]],
  TFE_OpAddInputList: ["void", [p, p, "int", p]],
  TFE_OpSetAttrType: ["void", [p, s, "int"]],
  TFE_OpSetAttrTypeList: ["void", [p, s, p, "int"]],
  TFE_OpSetAttrInt: ["void", [p, s, "int64_t"]],
  TFE_OpSetAttrIntList: ["void", [p, s, p, "int"]],
  TFE_OpSetAttrFloat: ["void", [p, s, "float"]],
  TFE_OpSetAttrFloatList: ["void", [p, s, p, "int"]],
  TFE_OpSetAttrBool: ["void", [p, s, "uint8_t"]],
  TFE_OpSetAttrBoolList: ["void", [p, s, p, "int"]],
  TFE_OpSetAttrString: ["void", [p, s, p, n]],
  TFE_OpSetAttrShape: ["void", [p, s, p, "int", p]],
  TFE_Execute: ["void", [p, p, p, p]],
  TFE_ContextAddFunction: ["void", [p, p, p]],
  TFE_ContextRemoveFunction: ["void", [p, s, p]],
  TF_NewGraph: [p, []],
  TF_DeleteGraph: ["void", [p]],
  TF_NewOperation: [p, [p, s, s]],
  TF_AddInput: ["void", [p, OUTPUT]],
  TF_AddInputList: ["void", [p, p, "int"]],
  TF_AddControlInput: ["void", [p, p]],
  TF_SetAttrType: ["void", [p, s, "int"]],
  TF_SetAttrTypeList: ["void", [p, s, p, "int"]],
  TF_SetAttrInt: ["void", [p, s, "int64_t"]],
  TF_SetAttrIntList: ["void", [p, s, p, "int"]],
  TF_SetAttrFloat: ["void", [p, s, "float"]],
  TF_SetAttrFloatList: ["void", [p, s, p, "int"]],
  TF_SetAttrBool: ["void", [p, s, "uint8_t"]],
  TF_SetAttrBoolList: ["void", [p, s, p, "int"]],
  TF_SetAttrString: ["void", [p, s, p, n]],
  TF_SetAttrStringList: ["void", [p, s, p, p, "int"]],
  TF_SetAttrShape: ["void", [p, s, p, "int"]],
  TF_SetAttrTensor: ["void", [p, s, p, p]],
  TF_FinishOperation: [p, [p, p]],
  TF_OperationOutputType: ["int", [OUTPUT]],
  TF_GraphGetTensorNumDims: ["int", [p, OUTPUT, p]],
  TF_GraphGetTensorShape: ["void", [p, OUTPUT, p, "int", p]],
  TF_GraphToFunctionWithControlOutputs: [p, [p, s, "uint8_t", "int", p, "int", p, "int", p, p, "int", p, p, p, s, p]],
  TF_DeleteFunction: ["void", [p]],
};

let loaded: Api | undefined;

/** The C API, with the library opened on the first call. Throws the errors of `locateLibrary` and of opening it. */
export function api(): Api {
  loaded ??= load();
  return loaded;
}

function load(): Api {
  const { cc, framework, libc } = openPinned();
  const functions = Object.entries(SIGNATURES).map(([name, [result, args]]) => {
    // Strings and tensors live in the framework library on some platforms, which the other one links.
    try {
      return [name, cc.func(name, result, args)];
    } catch {
      return [name, framework.func(name, result, args)];
    }
  });
  return Object.assign(Object.fromEntries(functions), { memcpy: libc.func("memcpy", p, [p, p, n]) });
}

/** Packs outputs as C's `TF_Output[]`: an address and an index, 16 bytes each. */
export function packOutputs(outputs: readonly Output[]): BigUint64Array {
  const packed = new BigUint64Array(Math.max(1, outputs.length * 2));
  outputs.forEach(({ oper, index }, i) => {
    packed[2 * i] = oper;
    packed[2 * i + 1] = BigInt(index);
  });
  return packed;
}
