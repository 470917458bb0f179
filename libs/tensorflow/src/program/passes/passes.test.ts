import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { prepare } from "../../compiled.ts";
import { rawOp } from "../../core/backend.ts";
import type { HostArray } from "../../host-array.ts";
import { jit } from "../../jit.ts";
import { key } from "../../random/key.ts";
import { State } from "../../state.ts";
import { autocast } from "../../tracing/marks.ts";
import type { Attributes } from "../attribute.ts";

type Tensors = Record<string, tf.Tensor>;

/** Runs a function compiled and eagerly on the same arrays; gives both results and the names of the operations that were compiled. */
async function both(f: (x: Tensors) => Tensors, x: Record<string, HostArray>) {
  await using state = State.of({});
  const step = jit<object, Tensors, Tensors>((s, b) => ({ state: s, metrics: f(b) }), {
    name: "pass",
    compiler: "graph",
  });
  const compiled = (await step.run(state, x, key(0))) as Record<string, HostArray>;
  const program = prepare(step.program(state, x), "graph");
  const eager = tf.tidy(() =>
    f(
      Object.fromEntries(
        Object.entries(x).map(([name, { data, shape, dtype }]) => [
          name,
          tf.tensor(data, [...shape], dtype as "float32"),
        ]),
      ),
    ),
  );
  step.dispose();
  const arrays = Object.fromEntries(Object.entries(eager).map(([name, t]) => [name, Array.from(t.dataSync())]));
  tf.dispose(eager);
  const got = Object.fromEntries(Object.entries(compiled).map(([name, { data }]) => [name, Array.from(data)]));
  return {
    compiled: got,
    eager: arrays,
    operations: program.operations.map(({ name }) => name).filter((name) => name !== "Const"),
  };
}

/** An array of numbers that look random. */
function numbers(shape: number[], scale = 1): HostArray {
  const length = shape.reduce((a, b) => a * b, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length }, (_, i) => scale * Math.sin(i * i + i)) };
}

function close(got: Record<string, number[]>, wanted: Record<string, number[]>, relative: number): void {
  for (const [name, values] of Object.entries(wanted)) {
    const scale = Math.max(...values.map(Math.abs));
    for (const [i, value] of values.entries())
      expect(Math.abs((got[name]?.[i] as number) - value), `${name} ${i}`).toBeLessThanOrEqual(relative * scale);
  }
}

const linear = ({ x, w, b }: Tensors) => tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b as tf.Tensor);
const inputs = { x: numbers([6, 4]), w: numbers([4, 3]), b: numbers([3], 0.1) };

it("fuses a bias", async () => {
  const { compiled, eager, operations } = await both((t) => ({ y: tf.tanh(linear(t)) }), inputs);
  expect(operations).toEqual(["MatMul", "BiasAdd", "Tanh"]);
  close(compiled, eager, 1e-6);
});

it("fuses no bias where the sum of a product is used otherwise, or is none", async () => {
  const { compiled, eager, operations } = await both((t) => {
    const product = tf.matMul(t["x"] as tf.Tensor2D, t["w"] as tf.Tensor2D);
    return {
      a: tf.add(product, t["b"] as tf.Tensor),
      b: tf.square(product),
      c: tf.add(tf.matMul(t["x"] as tf.Tensor2D, t["w"] as tf.Tensor2D), 1),
    };
  }, inputs);
  expect(operations).not.toContain("BiasAdd");
  close(compiled, eager, 1e-6);
});

it("keeps bfloat16 through moves and exact factors, and float32 elsewhere", async () => {
  const { compiled, eager, operations } = await both(
    (t) =>
      autocast("bfloat16", () => {
        const heads = tf.transpose(tf.reshape(linear(t), [2, 3, 3]), [0, 2, 1]);
        const [q, k] = [tf.mul(heads, 0.25), tf.transpose(heads, [0, 2, 1])];
        return { scores: tf.softmax(tf.matMul(q, k)), inexact: tf.matMul(tf.mul(heads, 0.3), k) };
      }),
    inputs,
  );
  const counts = Object.groupBy(operations, (name) => name);
  // Four operands narrowed (x, w, b, 0.3 of the heads); widened before the inexact factor and after the two products.
  expect(counts["Cast"]).toHaveLength(4 + 3);
  close(compiled, eager, 1e-2);
});

it("sums over leading axes as gradients of a bias", async () => {
  const { compiled, eager, operations } = await both(
    ({ x }) => ({
      a: tf.sum(x as tf.Tensor, [0, 1]),
      b: tf.sum(x as tf.Tensor, 0),
      c: tf.sum(x as tf.Tensor, [0, 1], true),
    }),
    { x: numbers([5, 4, 3]) },
  );
  expect(operations).toEqual(["BiasAddGrad", "Sum", "Sum"]);
  close(compiled, eager, 1e-6);
});

it("computes cross-entropy from a softmax, also of large and equal logits", async () => {
  const attributes: Attributes = { T: { kind: "type", value: "float32" }, Tlabels: { kind: "type", value: "int32" } };
  const logits = Float32Array.of(1, 2, 3, 200, -200, 0, 5, 5, 5, -1000, 1000, 999);
  const { compiled, eager, operations } = await both(
    (t) => {
      const [loss, gradient] = rawOp(
        "SparseSoftmaxCrossEntropyWithLogits",
        attributes,
        [t["logits"] as tf.Tensor, t["labels"] as tf.Tensor],
        2,
      );
      return { loss: loss as tf.Tensor, gradient: gradient as tf.Tensor };
    },
    {
      logits: { dtype: "float32", shape: [4, 3], data: logits },
      labels: { dtype: "int32", shape: [4], data: Int32Array.of(0, 1, 2, 0) },
    },
  );
  expect(operations).not.toContain("SparseSoftmaxCrossEntropyWithLogits");
  // By hand in float64: log(e + e^2 + e^3) - 1, 400, log 3, 2000 + log(1 + 1/e).
  const expected = [2.407605964, 400, 1.098612289, 2000.313261688];
  for (const [i, loss] of expected.entries())
    expect(Math.abs((compiled["loss"]?.[i] as number) / loss - 1)).toBeLessThan(1e-6);
  close(compiled, eager, 1e-6);
});
