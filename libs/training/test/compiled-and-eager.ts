import { type Host, type HostArray, type Jitted, random, State, tf } from "tfjs-libtensorflow";
import { expect } from "vitest";
import type { StepBatch, StepMetrics } from "../src/index.ts";

/** Uint8 or int32 arrays of a batch, drawn by seed: `shape` and the number of values that an entry can have. */
export function drawnBatch(arrays: Record<string, { shape: number[]; values: number; dtype?: "uint8" | "int32" }>) {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, values, dtype = "uint8" }]): [string, HostArray] => {
      const draws = tf.tidy(() => random.integers(random.fold(random.key(1), name), shape, 0, values).dataSync());
      return [
        name,
        { dtype, shape, data: dtype === "uint8" ? Uint8Array.from(draws) : Int32Array.from(draws) } as HostArray,
      ];
    }),
  );
}

/**
 * Runs a step three times compiled and three times eagerly from one state, and holds the metrics equal to `tolerance` of
 * their size (at least 1); no tensor may be left behind by a compiled step. Parameters are not compared: where the true
 * gradient is 0, as that of attention's key bias, Adam makes whole steps of rounding noise.
 */
export async function expectSameCompiledAndEager<S>(
  compiled: Jitted<S, StepBatch, StepMetrics>,
  initial: S,
  data: Record<string, HostArray>,
  tolerance: number,
): Promise<void> {
  await using state = State.of(initial) as unknown as State<S>;
  const batch = { data, hyper: { lr: 1e-3 } } as Host<StepBatch>;
  let eager = initial;
  const tensors = Object.fromEntries(
    Object.entries(data).map(([name, { dtype, shape, data }]) => [
      name,
      tf.tensor(data, [...shape], dtype === "uint8" ? "float32" : dtype),
    ]),
  );
  let counted: number | undefined;
  for (let step = 0; step < 3; step++) {
    const key = random.fold(random.key(9), step);
    const metrics = await compiled.run(state, batch, key);
    const after = tf.memory().numTensors;
    const expected = tf.tidy(() => {
      const next = compiled.eager(eager, { data: tensors, hyper: { lr: tf.scalar(1e-3) } }, random.root(key));
      return next as { state: S; metrics: StepMetrics } & tf.TensorContainerObject;
    });
    for (const [name, value] of Object.entries(expected.metrics)) {
      const scale = Math.max(1, Math.abs(value.dataSync()[0] as number));
      expect(Math.abs((metrics[name] as number) - (value.dataSync()[0] as number)), name).toBeLessThanOrEqual(
        tolerance * scale,
      );
    }
    tf.dispose(expected.metrics);
    if (step > 0) tf.dispose(eager as tf.TensorContainer);
    eager = expected.state;
    const now = tf.memory().numTensors;
    if (counted !== undefined) expect([after, now], "tensors left behind").toEqual([counted, counted]);
    counted = now;
  }
}
