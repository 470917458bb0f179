/** Bytes on the host in the form that a compiled program takes: `data` has as many elements as `shape` says, row by row. */
export interface HostUint8 {
  readonly dtype: "uint8";
  readonly shape: number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Whole numbers on the host in the form that a compiled program takes. */
export interface HostInt32 {
  readonly dtype: "int32";
  readonly shape: number[];
  readonly data: Int32Array<ArrayBuffer>;
}

/** `uint8` array of a shape, all 0. */
export function hostUint8(...shape: number[]): HostUint8 {
  return { dtype: "uint8", shape, data: new Uint8Array(elements(shape)) };
}

/** `int32` array of a shape, all 0. */
export function hostInt32(...shape: number[]): HostInt32 {
  return { dtype: "int32", shape, data: new Int32Array(elements(shape)) };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
