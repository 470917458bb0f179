import type { AnyBatch } from "./batch-spec.ts";
import type { HostInt32, HostUint8 } from "./host-array.ts";

/** A part of a batch's rows that one thread makes: slice `index` of `of`, which are as alike in length as can be. */
export interface Slice {
  readonly index: number;
  readonly of: number;
}

/** First row of a slice of `rows` rows, and the row behind its last. */
export function sliceRows(rows: number, { index, of }: Slice): [number, number] {
  return [Math.floor((rows * index) / of), Math.floor((rows * (index + 1)) / of)];
}

/** A batch from its slices in order: rows one after the other; a number that belongs to the whole batch, a count, is their sum. */
export function joinSlices(slices: readonly AnyBatch[]): AnyBatch {
  const [first] = slices as readonly Record<string, HostUint8 | HostInt32>[];
  if (first === undefined || slices.length === 1) return first as unknown as AnyBatch;
  const names = Object.keys(first);
  const all = slices as readonly Record<string, HostUint8 | HostInt32>[];
  return Object.fromEntries(
    names.map((name) => [name, joinRows(all.map((slice) => slice[name] as HostUint8))]),
  ) as unknown as AnyBatch;
}

function joinRows(parts: readonly (HostUint8 | HostInt32)[]): HostUint8 | HostInt32 {
  const [{ dtype, shape }] = parts as [HostUint8 | HostInt32];
  const [, ...rest] = shape;
  if (shape.length === 0) {
    const sum = parts.reduce((total, { data }) => total + (data[0] as number), 0);
    return { dtype: "int32", shape: [], data: Int32Array.of(sum) };
  }
  const length = parts.reduce((total, { data }) => total + data.length, 0);
  const rows = parts.reduce((total, part) => total + (part.shape[0] as number), 0);
  const whole = { shape: [rows, ...rest] };
  const data = dtype === "uint8" ? new Uint8Array(length) : new Int32Array(length);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { dtype, ...whole, data } as HostUint8 | HostInt32;
}
