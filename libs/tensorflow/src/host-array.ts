import { sizeOf } from "./dtype.ts";

/** The typed arrays that hold each dtype of a `HostArray`; a `bool` is a byte, 0 or 1. */
export interface HostData {
  float32: Float32Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** Dtypes of arrays on the host. */
export type HostDType = keyof HostData;

/** An array in JavaScript's memory: row-major `data` of `shape`. */
export type HostArray<D extends HostDType = HostDType> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: HostData[K] };
}[D];

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

/** Makes a `HostArray`, checked. Throws `TypeError` when type of data or number of elements do not fit dtype and shape. */
export function hostArray<D extends HostDType>(dtype: D, shape: readonly number[], data: HostData[D]): HostArray<D> {
  const array = { dtype, shape, data } as unknown as HostArray;
  checkHostArray(array);
  return array as HostArray<D>;
}

/** Whether a value has the form of a `HostArray`. */
export function isHostArray(value: unknown): value is HostArray {
  return (
    typeof value === "object" && value !== null && "dtype" in value && "data" in value && ArrayBuffer.isView(value.data)
  );
}

/** Throws `TypeError` when a `HostArray`'s data has the wrong type, or not as many elements as its shape says; `where` is named. */
export function checkHostArray({ dtype, shape, data }: HostArray, where = "host array"): void {
  const expected = ARRAYS[dtype];
  if (expected === undefined)
    throw new TypeError(`${where}: dtype ${String(dtype)} is none of ${Object.keys(ARRAYS).join(", ")}`);
  if (!(data instanceof expected))
    throw new TypeError(
      `${where}: dtype ${dtype} needs a ${expected.name}, and data is a ${(data as object).constructor.name}`,
    );
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new TypeError(`${where}: shape [${shape.join(", ")}] holds what is no size`);
  if (data.length !== sizeOf(shape))
    throw new TypeError(
      `${where}: shape [${shape.join(", ")}] needs ${sizeOf(shape)} elements, and data has ${data.length}`,
    );
}
