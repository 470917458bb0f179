import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { betaCdf, isOf, normalCdf, uniformCdf } from "../../../random/test/statistics.ts";
import { jit } from "../jit.ts";
import { State } from "../state.ts";
import {
  bernoulli,
  beta,
  integers,
  normal,
  normalRows,
  permutation,
  stateless,
  truncatedNormal,
  uniform,
  uniformRows,
} from "./draw.ts";
import { fold, type Key, key, root } from "./key.ts";

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const MASK = 0xffffffffn;

/** Philox4x32-10 written from the paper, in integers of any size: four 32-bit words for key and counter. */
function philox(k: bigint, block: bigint, stream: bigint): number[] {
  let [c0, c1, c2, c3] = [block & MASK, block >> 32n, stream & MASK, stream >> 32n];
  let [k0, k1] = [k & MASK, k >> 32n];
  for (let round = 0; round < 10; round++) {
    const [a, b] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
    [c0, c1, c2, c3] = [(b >> 32n) ^ c1 ^ k0, b & MASK, (a >> 32n) ^ c3 ^ k1, a & MASK];
    [k0, k1] = [(k0 + 0x9e3779b9n) & MASK, (k1 + 0xbb67ae85n) & MASK];
  }
  return [c0, c1, c2, c3].map(Number);
}

const some = fold(key(0x0123456789abcdefn), "weights", 3);

describe("contract", () => {
  it("has Philox's words for key and stream", () => {
    const words = stateless("StatelessRandomUniformFullIntV2", some, [10], "int32").dataSync();
    const expected = [0n, 1n, 2n].flatMap((block) => philox(some.key, block, some.stream)).slice(0, 10);
    expect([...words].map((word) => word >>> 0)).toEqual(expected);
  });

  it("makes a uniform number of the lowest 23 bits", () => {
    const expected = [0n, 1n]
      .flatMap((block) => philox(some.key, block, some.stream))
      .map((word) => (word & 0x7fffff) * 2 ** -23);
    expect([...uniform(some, [8]).dataSync()]).toEqual(expected);
  });

  it("folds and roots by SplitMix64 and FNV-1a", () => {
    // Values of an independent implementation of docs/architecture.md in Python.
    expect(fold(key(1), 2).stream).toBe(0x975835de1c9756cen);
    expect(fold(key(1), "head").stream).toBe(0xf5e935ca8e938a83n);
    expect(root(fold(key(7), "a", -1)).key).toBe(0x7461121c43163c60n);
  });
});

describe("distributions", () => {
  const n = 40_000;
  const moments = (x: tf.Tensor) => {
    const { mean, variance } = tf.moments(x);
    return [mean.dataSync()[0] as number, Math.sqrt(variance.dataSync()[0] as number)];
  };
  const near = ([mean, deviation]: (number | undefined)[], [m, d]: [number, number]) => {
    expect(Math.abs((mean as number) - m)).toBeLessThan((4 * d) / Math.sqrt(n));
    expect(Math.abs((deviation as number) - d)).toBeLessThan((4 * d) / Math.sqrt(n));
  };

  it("uniform", () => near(moments(uniform(some, [n], -1, 3)), [1, 4 / Math.sqrt(12)]));
  it("normal", () => near(moments(normal(some, [n], 2, 3)), [2, 3]));
  it("truncated normal stays within two deviations", () => {
    const x = truncatedNormal(some, [n], 1, 0.5);
    near(moments(x), [1, 0.5 * 0.8796]);
    expect(tf.max(tf.abs(tf.sub(x, 1))).dataSync()[0]).toBeLessThanOrEqual(1);
    expect(tf.max(tf.abs(tf.sub(x, 1))).dataSync()[0]).toBeGreaterThan(0.99);
  });
  it("bernoulli", () => near(moments(tf.cast(bernoulli(some, [n], 0.3), "float32")), [0.3, Math.sqrt(0.21)]));
  it("integers", () => {
    const x = integers(some, [n], -2, 3);
    near(moments(tf.cast(x, "float32")), [0, Math.SQRT2]);
    expect([...new Set(x.dataSync())].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    expect(() => integers(some, [1], 3, 3)).toThrow(RangeError);
  });
  it("permutation", () => {
    const counts = Array.from({ length: 6 }, () => new Array(6).fill(0));
    for (let i = 0; i < 300; i++) {
      const order = [...permutation(fold(some, i), 6).dataSync()];
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5]);
      order.forEach((item, place) => {
        const row = counts[item] as number[];
        row[place] = (row[place] as number) + 1;
      });
    }
    const chi = counts.flat().reduce((sum, count) => sum + (count - 50) ** 2 / 50, 0);
    expect(chi).toBeLessThan(60); // 25 degrees of freedom: once in 10^4
  });
  it.each([
    [0.8, 0.8],
    [1, 1],
    [0.1, 0.3],
    [2, 5],
  ])("beta(%d, %d)", (a, b) => {
    const mean = a / (a + b);
    near(moments(beta(some, [n], a, b)), [mean, Math.sqrt((mean * (1 - mean)) / (a + b + 1))]);
    expect(() => beta(some, [1], 0, b)).toThrow(RangeError);
  });

  it.each([
    ["uniform", () => uniform(some, [20_000], -1, 3), uniformCdf(-1, 3)],
    ["normal", () => normal(some, [20_000]), normalCdf],
    [
      "truncated normal",
      () => truncatedNormal(some, [20_000]),
      (x: number) => (normalCdf(x) - normalCdf(-2)) / (normalCdf(2) - normalCdf(-2)),
    ],
    ["beta(.8, .8)", () => beta(some, [20_000], 0.8, 0.8), betaCdf(0.8, 0.8)],
    ["beta(1, 1)", () => beta(some, [20_000], 1, 1), betaCdf(1, 1)],
    ["beta(.1, .3)", () => beta(some, [20_000], 0.1, 0.3), betaCdf(0.1, 0.3)],
    ["beta(2, 5)", () => beta(some, [20_000], 2, 5), betaCdf(2, 5)],
  ] as const)("%s has its distribution function (p > .001)", (_, draw, cdf) => {
    expect(isOf(Array.from(draw().dataSync()), cdf)).toBe(true);
  });
});

it("gives other numbers for other keys", () => {
  const of = (k: Key) => uniform(k, [4]).dataSync().join();
  expect(new Set([of(some), of(fold(some, 0)), of(fold(some, 1)), of(fold(some, "0")), of(key(4))]).size).toBe(5);
});

it("gives single rows as they are among all", () => {
  const places = tf.tensor1d([4, 0, 2], "int32");
  for (const [all, rows] of [
    [uniform(some, [5, 3, 4]), uniformRows(some, places, [3, 4])],
    [normal(some, [5, 3, 4]), normalRows(some, places, [3, 4])],
    // Rows that end within a block of four numbers.
    [uniform(some, [5, 3]), uniformRows(some, places, [3])],
    [uniform(some, [5, 3, 2]), uniformRows(some, places, [3, 2])],
    [uniform(some, [5, 7, 5, 3]), uniformRows(some, places, [7, 5, 3])],
  ] as const) {
    expect(rows.shape).toEqual([3, ...all.shape.slice(1)]);
    expect(rows.dataSync()).toEqual(tf.gather(all, places).dataSync());
  }
  // TensorFlow rounds the last numbers of an odd length otherwise than those that fill a vector of the processor.
  const odd = tf.sub(normalRows(some, places, [7, 5, 3]), tf.gather(normal(some, [5, 7, 5, 3]), places));
  expect(tf.max(tf.abs(odd)).dataSync()[0]).toBeLessThan(1e-6);
});

describe.each(["graph", "xla"] as const)("compiled by %s", (compiler) => {
  it("draws what it draws eagerly with the root key", async () => {
    tf.engine().endScope();
    const draw = (_: unknown, __: unknown, k: Key) => ({
      state: {},
      metrics: {
        uniform: uniform(k, [5]),
        normal: normal(fold(k, "n"), [2, 3]),
        truncated: truncatedNormal(k, [4]),
        bernoulli: bernoulli(k, [9], 0.5),
        integers: integers(k, [3, 3], 0, 1000),
        permutation: permutation(k, 7),
        beta: beta(k, [5], 0.8, 0.8),
        rows: normalRows(k, tf.tensor1d([3, 1], "int32"), [2, 4]),
        oddRows: normalRows(k, tf.tensor1d([3, 1], "int32"), [7, 3]),
      },
    });
    await using state = State.of({});
    const step = jit(draw, { name: "draws", compiler });
    for (const k of [some, fold(some, 1)]) {
      const metrics = (await step.run(state, {}, k)) as Record<string, { data: ArrayLike<number> }>;
      const eager = draw({}, {}, root(k)).metrics as Record<string, tf.Tensor>;
      for (const [name, tensor] of Object.entries(eager)) {
        const [got, wanted] = [Array.from(metrics[name]?.data ?? []), [...tensor.dataSync()]];
        expect(got.length, name).toBe(wanted.length);
        for (const [i, x] of got.entries()) expect(x, `${name} ${i}`).toBeCloseTo(wanted[i] as number, 5);
      }
      tf.dispose(eager);
    }
    expect(step.stats.traces).toBe(1);
    step.dispose();
    tf.engine().startScope();
  });
});
