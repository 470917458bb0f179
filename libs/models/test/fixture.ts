import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray, tf } from "tfjs-libtensorflow";
import { expect } from "vitest";
import { WeightsMismatch } from "../src/interchange/weights-mismatch.ts";

/** Reference values of `tools/fixtures/NAME.py`, as tensors by name. */
export function readFixture(name: string): (tensor: string) => tf.Tensor {
  const { tensors }: { tensors: Record<string, HostArray> } = decodeSafetensors(
    new Uint8Array(readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url))),
  );
  return (tensor) => {
    const array = tensors[tensor];
    if (array === undefined) throw new Error(`fixture ${name} has no ${tensor}`);
    // tfjs has no uint8: pictures come as int32 here.
    const whole = array.dtype !== "float32";
    const data = whole ? Int32Array.from(array.data) : (array.data as Float32Array);
    return tf.tensor(data, [...array.shape], whole ? "int32" : "float32");
  };
}

/** Arrays of `tools/fixtures/NAME.py` whose names begin with a prefix, by the rest of their names. */
export function arraysUnder(name: string, prefix: string): Record<string, HostArray> {
  const { tensors } = decodeSafetensors(
    new Uint8Array(readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url))),
  );
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([path, array]): [string, HostArray][] =>
      path.startsWith(prefix) ? [[path.slice(prefix.length), array]] : [],
    ),
  );
}

/** What is said to be wrong with weights. */
export function misfitOf(read: () => unknown): WeightsMismatch {
  try {
    read();
  } catch (error) {
    if (error instanceof WeightsMismatch) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

/** Arrays by dotted path as a tree of tensors; a level whose names are 0, 1, 2, ... becomes an array. */
export function treeOf<T>(arrays: Readonly<Record<string, HostArray>>): T {
  const firsts = [...new Set(Object.keys(arrays).map((path) => path.split(".")[0] as string))];
  const entries = firsts.map((first) => {
    const whole = arrays[first];
    if (whole !== undefined) return [first, tf.tensor(whole.data as Float32Array, [...whole.shape])] as const;
    const inner = Object.entries(arrays).flatMap(([path, array]) =>
      path.startsWith(`${first}.`) ? [[path.slice(first.length + 1), array] as const] : [],
    );
    return [first, treeOf<unknown>(Object.fromEntries(inner))] as const;
  });
  const tree: Record<string, unknown> = Object.fromEntries(entries);
  return (firsts.every((_, i) => String(i) in tree) ? firsts.map((_, i) => tree[i]) : tree) as T;
}

/** Holds `actual` equal to `expected`: same shape, largest difference at most `tolerance` of the largest value. */
export function expectEqual(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const value = b[i] as number;
    const distance = Math.abs((a[i] as number) - value);
    difference = Number.isFinite(distance) ? Math.max(difference, distance) : Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(value));
  }
  expect(difference).toBeLessThanOrEqual(tolerance * largest);
}
