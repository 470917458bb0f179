import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { jit, random, State } from "../index.ts";

// What the kernels give eagerly is held by tfjs-core's own specs (group conformance).
describe.each(["graph", "xla"] as const)("in a program by %s", (compiler) => {
  async function run<T>(name: string, compute: () => T): Promise<unknown> {
    await using state = State.of({});
    const step = jit((none: object) => ({ state: none, metrics: compute() }), { name, compiler });
    return await step.run(state as never, {}, random.key(1n));
  }

  it("mean takes any dtype", async () => {
    const equal = () => tf.equal(tf.tensor1d([1, 2, 3, 4], "int32"), tf.tensor1d([1, 2, 0, 4], "int32"));
    expect(await run("mean", () => tf.mean(equal()))).toBe(0.75);
  });

  it("round leaves integers as they are", async () => {
    const result = await run("round", () => tf.round(tf.tensor1d([-12345678, 10], "int32")));
    expect(result).toMatchObject({ dtype: "int32", data: Int32Array.of(-12345678, 10) });
  });

  it("gather takes traced indices, and has a gradient", async () => {
    const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const result = await run("gather", () => {
      const indices = tf.argMax(tf.tensor2d([0, 0, 1, 1, 0, 0], [2, 3]), 1);
      const loss = (x: tf.Tensor) => tf.sum(tf.square(tf.gather(x, indices))) as tf.Scalar;
      return { picked: tf.gather(table, indices), gradient: tf.grad(loss)(table) };
    });
    expect(result).toMatchObject({
      picked: { shape: [2, 2], data: Float32Array.of(5, 6, 1, 2) },
      gradient: { data: Float32Array.of(2, 4, 0, 0, 10, 12) },
    });
  });
});

it("gather says in tfjs's words which index is out of bounds", () => {
  expect(() => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([2], "int32"))).toThrow("the index value 2 is not in [0, 1]");
});
