import { afterEach, describe, expect, it } from "vitest";
import { block, blockBatch, blockState, convBatch, convolutions, convState } from "../test/steps.ts";
import { binding } from "./core/backend.ts";
import {
  autocast,
  countFlops,
  flatten,
  type HostArray,
  jit,
  printProgram,
  random,
  State,
  type Step,
  setLogger,
  type Tree,
  tf,
} from "./index.ts";

// biome-ignore lint/suspicious/noExplicitAny: steps of any tree are run by the same helper
type AnyStep = Step<any, any, any>;
type Arrays = Record<string, HostArray>;

/** Largest difference over all leaves, each relative to the leaf's largest value. */
function distance(a: Arrays, b: Arrays): number {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  return Math.max(
    ...Object.entries(a).map(([name, { data }]) => {
      const other = (b[name] as HostArray).data;
      const scale = Math.max(1e-12, ...Array.from(other, Math.abs));
      return Math.max(0, ...Array.from(data, (x, i) => Math.abs(x - (other[i] as number)) / scale));
    }),
  );
}

/** Runs steps eagerly, from the same numbers, and gives the state as arrays. */
async function eagerly(
  step: AnyStep,
  first: () => Tree,
  batch: (i: number) => unknown,
  steps: number,
): Promise<Arrays> {
  let state = first();
  for (let i = 0; i < steps; i++)
    state = tf.tidy(() => step(state, tensorsOf(batch(i)), random.root(random.fold(random.key(9), i))).state as never);
  await using copy = State.of(state as Record<string, tf.Tensor>);
  return await copy.snapshot();
}

function tensorsOf(batch: unknown): unknown {
  const leaf = (x: HostArray | number) => {
    if (typeof x === "number") return tf.scalar(x);
    const { data, shape, dtype } = x;
    return tf.tensor(data, [...shape], dtype === "uint8" ? "float32" : dtype);
  };
  return Object.fromEntries(flatten(batch as Tree<HostArray | number>).map(([name, x]) => [name, leaf(x)]));
}

/** Runs steps compiled, from the same numbers each time, and gives the states as arrays. */
async function compiled(
  step: AnyStep,
  compiler: "graph" | "xla",
  first: () => Tree,
  batch: (i: number) => unknown,
  { steps, times = 1 }: { steps: number; times?: number },
): Promise<Arrays[]> {
  const jitted = jit(step, { name: "test", compiler });
  const results: Arrays[] = [];
  for (let time = 0; time < times; time++) {
    const start = first();
    await using state = State.of(start as Record<string, tf.Tensor>);
    tf.dispose(start as tf.TensorContainer);
    for (let i = 0; i < steps; i++) await jitted.run(state as never, batch(i) as never, random.fold(random.key(9), i));
    results.push(await state.snapshot());
  }
  expect(jitted.stats).toMatchObject({ traces: 1, calls: steps * times });
  jitted.dispose();
  return results;
}

afterEach(() => setLogger(() => undefined));

const cases = [
  ["block", block as AnyStep, blockState as unknown as () => Tree, blockBatch],
  ["convolutions", convolutions as AnyStep, convState as unknown as () => Tree, convBatch],
] as const;

describe.each(cases)("%s", (_, step, first, batch) => {
  it.each(["graph", "xla"] as const)("by %s equals eager in float32", async (compiler) => {
    const expected = await eagerly(step, first, batch, 4);
    const [once, again] = (await compiled(step, compiler, first, batch, { steps: 4, times: 2 })) as [Arrays, Arrays];
    expect(distance(once, expected)).toBeLessThan(1e-5);
    expect(distance(once, again)).toBe(0);
  });

  it.each(["graph", "xla"] as const)("by %s equals eager with the same casts in bfloat16", async (compiler) => {
    const cast: AnyStep = (...args) => autocast("bfloat16", () => step(...args));
    const expected = await eagerly(cast, first, batch, 1);
    const [once] = (await compiled(cast, compiler, first, batch, { steps: 1 })) as [Arrays];
    expect(distance(once, expected)).toBeLessThan(1e-2);
    expect(distance(await eagerly(step, first, batch, 1), expected)).toBeGreaterThan(1e-5);
  });
});

describe("run", () => {
  const double: Step<{ w: tf.Tensor }, { x: tf.Tensor }, { sum: tf.Tensor; wx: tf.Tensor }> = ({ w }, { x }) => ({
    state: { w: tf.add(w, x) },
    metrics: { sum: tf.sum(x), wx: tf.mul(w, x) },
  });
  const bytes = (...data: number[]) => ({
    x: { dtype: "uint8", shape: [data.length], data: Uint8Array.from(data) } as const,
  });

  it("gives scalars as numbers, others as arrays, and takes numbers, bytes and tensors", async () => {
    await using state = State.of({ w: { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } as const });
    const step = jit(double, { name: "double", compiler: "graph" });
    const metrics = await step.run(state, bytes(3, 250), random.key(0));
    expect(metrics).toEqual({ sum: 253, wx: { dtype: "float32", shape: [2], data: Float32Array.of(3, 500) } });
    expect(await step.run(state, { x: 2 }, random.key(0))).toMatchObject({ sum: 2 });
    const tensor = tf.tensor1d([1, 1]);
    expect(await step.run(state, { x: tensor }, random.key(0))).toMatchObject({ sum: 2 });
    tensor.dispose();
    expect(await state.snapshot()).toEqual({ w: { dtype: "float32", shape: [2], data: Float32Array.of(7, 255) } });
  });

  it("traces again for a new shape alone, and logs it", async () => {
    const said: string[] = [];
    setLogger((level, message) => level === "warn" && said.push(message));
    await using state = State.of({ w: 1 });
    const step = jit<{ w: tf.Tensor }, { x: tf.Tensor }, object>(
      ({ w }, { x }) => ({ state: { w: tf.add(w, tf.sum(x)) }, metrics: {} }),
      { name: "again", compiler: "graph" },
    );
    for (const x of [1, 2, 3]) await step.run(state as never, { x }, random.key(0));
    expect(step.stats.traces).toBe(1);
    expect(said).toEqual([]);
    await step.run(state as never, bytes(1, 2), random.key(0));
    await step.run(state as never, bytes(3, 4), random.key(1));
    expect(step.stats.traces).toBe(2);
    expect(said).toEqual(["again: traced again (2 times by now), for a new shape or structure"]);
    expect((await state.snapshot())["w"]?.data[0]).toBe(17);
  });

  it("keeps captured tensors after they were disposed", async () => {
    const table = tf.add(tf.tensor1d([10, 20]), 0);
    await using state = State.of({});
    const step = jit<object, object, { y: tf.Tensor }>(() => ({ state: {}, metrics: { y: tf.add(table, 1) } }), {
      name: "captures",
      compiler: "xla",
    });
    await step.run(state, {}, random.key(0));
    table.dispose();
    expect(await step.run(state, {}, random.key(0))).toMatchObject({ y: { data: Float32Array.of(11, 21) } });
    expect(step.program(state, {}).inputs.map(({ kind }) => kind)).toContain("captured");
  });

  it("takes large data that the step makes as an input, once", async () => {
    const data = Float32Array.from({ length: 20_000 }, (_, i) => i % 2);
    await using state = State.of({});
    const step = jit<object, object, { y: tf.Tensor }>(
      () => {
        const table = tf.tensor1d(data);
        return { state: {}, metrics: { y: tf.sum(tf.add(table, table)) } };
      },
      { name: "table", compiler: "graph" },
    );
    expect(await step.run(state, {}, random.key(0))).toEqual({ y: 20_000 });
    expect(step.program(state, {}).inputs.map(({ kind }) => kind)).toEqual(["key", "captured"]);
  });

  it("runs steps that are started at once one after the other, and snapshots between", async () => {
    await using state = State.of({ w: 0 });
    const step = jit<{ w: tf.Tensor }, { x: tf.Tensor }, { w: tf.Tensor }>(
      ({ w }, { x }) => ({ state: { w: tf.add(tf.mul(w, 10), x) }, metrics: { w } }),
      { name: "order", compiler: "graph" },
    );
    const [a, , b] = await Promise.all(
      [
        step.run(state as never, { x: 1 }, random.key(0)),
        step.run(state as never, { x: 2 }, random.key(0)),
        state.snapshot(),
        step.run(state as never, { x: 3 }, random.key(0)),
      ].map((p) => p as Promise<unknown>),
    );
    expect(a).toEqual({ w: 0 });
    expect((b as Arrays)["w"]?.data[0]).toBe(12);
    expect((await state.snapshot())["w"]?.data[0]).toBe(123);
  });

  it("swaps leaves, keeps untouched ones, and does not confuse a leaf with a batch that is handed over again", async () => {
    await using state = State.of({ a: 1, b: 2, kept: 3, last: 0 });
    const step = jit<Record<"a" | "b" | "kept" | "last", tf.Tensor>, { x: tf.Tensor }, object>(
      (s, { x }) => ({ state: { a: s.b, b: s.a, kept: s.kept, last: x }, metrics: {} }),
      { name: "swap", compiler: "graph" },
    );
    await step.run(state as never, { x: 8 }, random.key(0));
    const first = await state.snapshot();
    await step.run(state as never, { x: 9 }, random.key(0));
    expect(Object.values(first).map(({ data }) => data[0])).toEqual([2, 1, 3, 8]);
    expect(Object.values(await state.snapshot()).map(({ data }) => data[0])).toEqual([1, 2, 3, 9]);
  });

  it("leaves no tensor and no handle behind", async () => {
    const start = blockState();
    await using state = State.of(start);
    tf.dispose(start as never);
    const step = jit(block, { name: "leak", compiler: "graph" });
    await step.run(state as never, blockBatch(0), random.key(0));
    const before = [tf.memory().numTensors, tf.memory().numDataBuffers, binding.getNumOfTensors()];
    for (let i = 1; i < 4; i++) await step.run(state as never, blockBatch(i), random.key(i));
    expect([tf.memory().numTensors, tf.memory().numDataBuffers, binding.getNumOfTensors()]).toEqual(before);
    step.dispose();
  });
});

describe("the program", () => {
  it("is plain data, printed, with FLOPs counted", async () => {
    const step: Step<{ w: tf.Tensor2D }, { x: tf.Tensor2D }, { y: tf.Tensor }> = ({ w }, { x }) => ({
      state: { w },
      metrics: { y: autocast("bfloat16", () => tf.matMul(x, w)) },
    });
    await using state = State.of({ w: tf.zeros([3, 4]) as tf.Tensor2D });
    const program = jit(step, { name: "product", compiler: "graph" }).program(state, {
      x: { dtype: "float32", shape: [2, 3], data: new Float32Array(6) },
    });
    expect(countFlops(program)).toBe(2 * 2 * 3 * 4);
    expect(structuredClone(program)).toEqual(program);
    expect(printProgram(program)).toBe(
      [
        "program product",
        "%0: float32[3,4] = input state w",
        "%1: float32[2,3] = input batch x",
        "%2: uint64[1] = input key key",
        "%3: float32[2,4] = BatchMatMulV2(%1, %0) T=float32 adj_x=false adj_y=false  # tf.matMul, bfloat16",
        "result metric y = %3",
      ].join("\n"),
    );
  });

  it("counts convolutions and their gradients", async () => {
    const start = convState();
    await using state = State.of(start);
    tf.dispose(start as never);
    const program = jit(convolutions, { name: "conv", compiler: "graph" }).program(state as never, convBatch());
    const [down, same, up] = [2 * 2 * 4 * 4 * 6 * 27, 2 * 2 * 4 * 4 * 6 * 54, 2 * 2 * 4 * 4 * 6 * 48];
    // Forward and both gradients, less the gradient with respect to the pictures.
    expect(countFlops(program)).toBe(2 * down + 3 * same + 3 * up);
  });

  it("marks gradients of operations under autocast, and nothing that was switched off", async () => {
    const start = blockState();
    await using state = State.of(start);
    const cast: AnyStep = (...args) => autocast("bfloat16", () => block(...(args as Parameters<typeof block>)));
    const { operations } = jit(cast, { name: "marks", compiler: "graph" }).program(state as never, blockBatch(0));
    const products = operations.filter(({ name }) => name === "BatchMatMulV2");
    expect(products.filter(({ from }) => from === "gradient of tf.matMul")).toHaveLength(14);
    expect(products.every(({ cast: mark }) => mark === "bfloat16")).toBe(true);
    const off: AnyStep = (...args) => autocast("float32", () => block(...(args as Parameters<typeof block>)));
    const switched: AnyStep = (...args) => autocast("bfloat16", () => off(...args));
    expect(
      jit(switched, { name: "off", compiler: "graph" })
        .program(state as never, blockBatch(0))
        .operations.some(({ cast: mark }) => mark !== undefined),
    ).toBe(false);
    tf.dispose(start as never);
  });
});

describe("what can't be compiled", () => {
  const x = { x: { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } as const };
  const attempt = async (body: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor) => {
    await using state = State.of({ w: 1 });
    const step = jit<{ w: tf.Tensor }, { x: tf.Tensor }, { y: tf.Tensor }>(
      (s, b) => ({ state: s, metrics: { y: body(b.x, s.w) } }),
      { name: "bad", compiler: "graph" },
    );
    await step.run(state as never, x, random.key(0));
  };
  let escaped: tf.Tensor | undefined;

  it.each<[string, (x: tf.Tensor, w: tf.Tensor) => tf.Tensor, RegExp]>([
    [
      "reading a value",
      (v) => tf.mul(v, (v.dataSync()[0] as number) > 0 ? 1 : 2),
      /a value float32\[2\] is read at .*jit\.test\.ts.*while the function is traced/,
    ],
    ["reading inside a call", (v) => tf.linspace(0, v.arraySync() as number, 3), /is read/],
    [
      "tf.randomNormal",
      (v) => tf.add(v, tf.randomNormal([2])),
      /tf\.randomNormal draws its numbers once.*random\.normal\(key, shape\)/,
    ],
    ["tf.randomUniform", (v) => tf.add(v, tf.randomUniform([2])), /tf\.randomUniform draws/],
    ["tf.truncatedNormal", (v) => tf.add(v, tf.truncatedNormal([2])), /random\.truncatedNormal/],
    ["tf.dropout", (v) => tf.dropout(v, 0.5), /tf\.dropout draws its numbers once.*random\.bernoulli/],
    ["tf.multinomial", (v) => tf.multinomial(v as tf.Tensor1D, 2), /tf\.multinomial draws from a hidden generator/],
    ["tf.variable", (v) => tf.add(v, tf.variable(tf.scalar(1))), /tf\.variable changes a variable/],
    [
      "tf.train",
      (v) => tf.train.sgd(0.1).minimize(() => tf.sum(tf.mul(v, variable)) as tf.Scalar, true, [variable]) as tf.Tensor,
      /keep it in the step's state/,
    ],
    ["shapes that depend on values", (v) => tf.unique(v as tf.Tensor1D).values, /Unique.*depends on values/],
    ["shapes that do not fit", (v) => tf.reshape(v, [3]), /./],
  ])("%s", async (_, body, message) => {
    await expect(attempt(body)).rejects.toThrow(message);
    // The trace is over, and eager work goes on.
    expect(tf.add(1, 1).dataSync()[0]).toBe(2);
  });
  const variable = tf.variable(tf.scalar(3));

  it("a value of an ended trace", async () => {
    await attempt((v) => {
      escaped = tf.keep(tf.mul(v, 2));
      return escaped;
    });
    expect(() => tf.add(escaped as tf.Tensor, 1)).toThrow(/a trace that has ended/);
    expect(() => (escaped as tf.Tensor).dataSync()).toThrow();
    await expect(attempt((v) => tf.add(v, escaped as tf.Tensor))).rejects.toThrow(/of another trace/);
  });

  it.each<[string, AnyStep, RegExp]>([
    [
      "another shape",
      ({ w }) => ({ state: { w: tf.concat([w, w]) }, metrics: {} }),
      /returns float32\[4\] for state leaf "w", which is float32\[2\]/,
    ],
    [
      "another dtype",
      ({ w }) => ({ state: { w: tf.cast(w, "int32") }, metrics: {} }),
      /returns int32\[2\] for state leaf "w"/,
    ],
    ["a leaf less", () => ({ state: {}, metrics: {} }), /returns no state leaf "w"/],
    [
      "a leaf more",
      (s) => ({ state: { ...s, v: s.w }, metrics: {} }),
      /returns state leaf "v", which the state it was given does not have/,
    ],
  ])("a state with %s", async (_, step, message) => {
    await using state = State.of({ w: tf.tensor1d([1, 2]) });
    await expect(
      jit(step, { name: "state", compiler: "graph" }).run(state as never, {}, random.key(0)),
    ).rejects.toThrow(message);
  });

  it("run inside tidy", async () => {
    await using state = State.of({ w: 1 });
    const step = jit<{ w: tf.Tensor }, object, object>((s) => ({ state: s, metrics: {} }), {
      name: "tidied",
      compiler: "graph",
    });
    let run: Promise<unknown> | undefined;
    tf.tidy(() => {
      run = step.run(state as never, {}, random.key(0));
    });
    await expect(run).rejects.toThrow(/tf\.tidy would free what it uses/);
  });
});
