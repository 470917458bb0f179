import { bytesPerElement, type DType, dtypeName, dtypeNumber, sizeOf } from "../dtype.ts";
import { TensorFlowError } from "../errors.ts";
import { api } from "../ffi/api.ts";
import { check, status } from "./status.ts";

/** What the memory of a tensor is to JavaScript. */
export type TensorData =
  | Float32Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Uint8Array[];

const STRING_BYTES = 24; // sizeof(TF_TString)

/** A `TF_Tensor` with a copy of `data`; the caller deletes it. Throws `TensorFlowError` when the length does not fit the shape. */
export function newTensor(dtype: DType, shape: readonly number[], data: TensorData): bigint {
  const bytes = bytesPerElement(dtype);
  const count = sizeOf(shape);
  if (dtype === "string") return newStringTensor(shape, data as Uint8Array[]);
  if (bytes === undefined)
    throw new TensorFlowError("INVALID_ARGUMENT", `a tensor of ${dtype} can't be made from data`);
  const view = data as NodeJS.ArrayBufferView;
  if (view.byteLength !== bytes * count)
    throw new TensorFlowError(
      "INVALID_ARGUMENT",
      `a tensor ${dtype}[${shape.join(",")}] holds ${bytes * count} bytes, and its data has ${view.byteLength}`,
    );
  const tensor = allocate(dtype, shape, bytes * count);
  if (view.byteLength > 0) api().memcpy(api().TF_TensorData(tensor), view, view.byteLength);
  return tensor;
}

function allocate(dtype: DType, shape: readonly number[], bytes: number): bigint {
  const tensor = api().TF_AllocateTensor(dtypeNumber(dtype), BigInt64Array.from(shape, BigInt), shape.length, bytes);
  if (tensor === null)
    throw new TensorFlowError(
      "RESOURCE_EXHAUSTED",
      `no memory for a tensor ${dtype}[${shape.join(",")}] of ${bytes} bytes`,
    );
  return tensor;
}

function newStringTensor(shape: readonly number[], strings: Uint8Array[]): bigint {
  const c = api();
  const tensor = allocate("string", shape, strings.length * STRING_BYTES);
  const start = c.TF_TensorData(tensor) ?? 0n;
  strings.forEach((bytes, i) => {
    const at = start + BigInt(i * STRING_BYTES);
    c.TF_StringInit(at);
    c.TF_StringCopy(at, bytes, bytes.length);
  });
  return tensor;
}

/** An eager handle on a copy of `data`; the caller deletes it. */
export function newHandle(dtype: DType, shape: readonly number[], data: TensorData): bigint {
  const tensor = newTensor(dtype, shape, data);
  const handle = api().TFE_NewTensorHandle(tensor, status());
  api().TF_DeleteTensor(tensor);
  check(status(), () => ({ op: "TFE_NewTensorHandle", inputs: [`${dtype}[${shape.join(",")}]`] }));
  return handle as bigint;
}

/** Dtype and shape of an eager handle. */
export function describeHandle(handle: bigint): { dtype: number; shape: number[] } {
  const c = api();
  const rank = c.TFE_TensorHandleNumDims(handle, status());
  check(status());
  const shape = new Array<number>(rank);
  for (let i = 0; i < rank; i++) shape[i] = Number(c.TFE_TensorHandleDim(handle, i, status()));
  return { dtype: c.TFE_TensorHandleDataType(handle), shape };
}

/** Copies the values of an eager handle to the host, waiting for them. */
export function readHandle(handle: bigint): TensorData {
  return withTensor(handle, (tensor, dtype, bytes) => {
    const data = emptyData(dtype, bytes);
    if (bytes > 0) api().memcpy(data, api().TF_TensorData(tensor), bytes);
    return data;
  });
}

/** Copies the values of an eager handle to the host on another thread, so that a large copy does not hold up the event loop. */
export async function readHandleAsync(handle: bigint): Promise<TensorData> {
  const c = api();
  const tensor = c.TFE_TensorHandleResolve(handle, status());
  check(status());
  if (tensor === null) throw new TensorFlowError("INTERNAL", "a tensor has no memory to read");
  try {
    const bytes = Number(c.TF_TensorByteSize(tensor));
    const data = emptyData(dtypeName(c.TFE_TensorHandleDataType(handle)), bytes);
    await new Promise<void>((resolve, reject) => {
      if (bytes === 0) return resolve();
      c.memcpy.async(data, c.TF_TensorData(tensor), bytes, (error) => (error ? reject(error) : resolve()));
    });
    return data;
  } finally {
    c.TF_DeleteTensor(tensor);
  }
}

function withTensor(
  handle: bigint,
  read: (tensor: bigint, dtype: DType, bytes: number) => Exclude<TensorData, Uint8Array[]>,
): TensorData {
  const c = api();
  const tensor = c.TFE_TensorHandleResolve(handle, status());
  check(status());
  if (tensor === null) throw new TensorFlowError("INTERNAL", "a tensor has no memory to read");
  try {
    const dtype = dtypeName(c.TFE_TensorHandleDataType(handle));
    const bytes = Number(c.TF_TensorByteSize(tensor));
    return dtype === "string" ? readStrings(tensor, bytes / STRING_BYTES) : read(tensor, dtype, bytes);
  } finally {
    c.TF_DeleteTensor(tensor);
  }
}

function readStrings(tensor: bigint, count: number): Uint8Array[] {
  const c = api();
  const start = c.TF_TensorData(tensor) ?? 0n;
  return Array.from({ length: count }, (_, i) => {
    const at = start + BigInt(i * STRING_BYTES);
    const bytes = new Uint8Array(Number(c.TF_StringGetSize(at)));
    if (bytes.length > 0) c.memcpy(bytes, c.TF_StringGetDataPointer(at), bytes.length);
    return bytes;
  });
}

function emptyData(dtype: DType, bytes: number): Exclude<TensorData, Uint8Array[]> {
  switch (dtype) {
    case "float32":
    case "complex64":
      return new Float32Array(bytes / 4);
    case "int32":
      return new Int32Array(bytes / 4);
    case "uint32":
      return new Uint32Array(bytes / 4);
    case "int64":
      return new BigInt64Array(bytes / 8);
    case "uint64":
      return new BigUint64Array(bytes / 8);
    case "bfloat16":
      return new Uint16Array(bytes / 2);
    default:
      return new Uint8Array(bytes);
  }
}
