import { describe, expect, it } from "vitest";
import { countFlops, jit, leafShape, programOf, random, State, shapesOf, tf } from "../index.ts";

type Net = { weight: tf.Tensor2D };
const make = (key: random.Key): Net => ({ weight: random.normal(key, [1000, 50]) as tf.Tensor2D });
const step = (state: Net, { x }: { x: tf.Tensor2D }) => {
  const y = tf.matMul(x, state.weight);
  return { state: { weight: tf.mul(state.weight, 2) as tf.Tensor2D }, metrics: { mean: tf.mean(y) } };
};

describe("shapesOf and programOf", () => {
  it("give what a real state's shapes and program are", async () => {
    const shapes = shapesOf(make);
    expect(shapes.weight).toMatchObject({ dtype: "float32", shape: [1000, 50] });
    const traced = programOf("step", step, shapes, { x: leafShape("float32", 8, 1000) });
    const start = make(random.key(1));
    await using state = State.of(start);
    start.weight.dispose();
    const compiled = jit(step, { name: "step", compiler: "graph" });
    const x = { dtype: "float32", shape: [8, 1000], data: new Float32Array(8000) } as const;
    expect(traced).toEqual(compiled.program(state, { x }));
    expect(countFlops(traced)).toBe(2 * 8 * 1000 * 50);
    compiled.dispose();
  });

  it("take no memory and leave no tensors", () => {
    const before = { ...tf.memory() };
    const huge = shapesOf((key) => ({ w: random.normal(key, [1_000_000, 1_000_000]) }));
    expect(huge.w.shape).toEqual([1_000_000, 1_000_000]);
    expect(tf.memory().numTensors).toBe(before.numTensors);
  });

  it("let a function use tensors from outside, whose shapes it knows", () => {
    const outside = tf.ones([2]);
    expect(shapesOf(() => ({ w: tf.add(outside, 1) })).w.shape).toEqual([2]);
    const add = (state: { w: tf.Tensor }) => ({ state: { w: tf.add(state.w, outside) }, metrics: {} });
    const program = programOf("add", add, { w: leafShape("float32", 3, 2) }, {});
    expect(program.results).toMatchObject([{ kind: "state", path: "w" }]);
    expect(outside.arraySync()).toEqual([1, 1]);
    outside.dispose();
  });
});
