import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray, tf } from "tfjs-libtensorflow";
import { expect } from "vitest";

/** Reference values of `tools/fixtures/NAME.py`, as tensors by name. */
export function readFixture(name: string): (tensor: string) => tf.Tensor {
  const { tensors: arrays }: { tensors: Record<string, HostArray> } = decodeSafetensors(
    readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url)),
  );
  return (tensor) => {
    const array = arrays[tensor];
    if (array === undefined) throw new Error(`fixture ${name} has no ${tensor}`);
    // tfjs has no uint8: pictures come as int32 here.
    const whole = array.dtype !== "float32";
    const data = whole ? Int32Array.from(array.data) : (array.data as Float32Array);
    return tf.tensor(data, [...array.shape], whole ? "int32" : "float32");
  };
}

/** Largest difference of two lists of numbers over the largest of the second; infinite where one is not finite. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs((actual[i] as number) - (expected[i] as number));
    difference = Number.isFinite(distance) ? Math.max(difference, distance) : Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(expected[i] as number));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** Holds `actual` equal to `expected`: same shape, largest difference at most `tolerance` of the largest value. */
export function expectEqual(actual: tf.Tensor, expected: tf.Tensor, what: string, tolerance = 1e-5): void {
  expect(actual.shape, what).toEqual(expected.shape);
  expect(relativeDistance(actual.dataSync(), expected.dataSync()), what).toBeLessThanOrEqual(tolerance);
}

/** Holds the output of `run` and the gradients of all `leaves` equal to those of `fixture` under `name`. */
export function expectForwardAndGradient(
  fixture: (tensor: string) => tf.Tensor,
  name: string,
  leaves: readonly string[],
  run: (leaf: Record<string, tf.Tensor>) => tf.Tensor,
): void {
  const values = leaves.map((leaf) => fixture(`${name}.${leaf}`));
  const named = (tensors: tf.Tensor[]) => Object.fromEntries(leaves.map((leaf, i) => [leaf, tensors[i] as tf.Tensor]));
  expectEqual(run(named(values)), fixture(`${name}.output`), `${name}.output`);
  const cotangent = fixture(`${name}.cotangent`);
  const gradients = tf.grads((...tensors: tf.Tensor[]) => tf.sum(tf.mul(run(named(tensors)), cotangent)))(values);
  leaves.forEach((leaf, i) => {
    expectEqual(gradients[i] as tf.Tensor, fixture(`${name}.${leaf}.gradient`), `${name}.${leaf}.gradient`);
  });
}
