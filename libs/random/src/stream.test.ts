import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, key } from "./key.ts";
import { stream } from "./stream.ts";

interface Fixture {
  cases: { key: string; stream: string; bits: number[]; uniform: number[]; normal: number[] }[];
}
const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/tensorflow.json", import.meta.url), "utf8"));

describe.each(fixture.cases)("against TensorFlow's kernels, key $key, stream $stream", (expected) => {
  const k = { key: BigInt(expected.key), stream: BigInt(expected.stream) };
  const draw = <T>(length: number, next: () => T) => Array.from({ length }, next);

  it("gives the same integers", () => {
    const s = stream(k);
    expect(draw(expected.bits.length, () => s.uint32())).toEqual(expected.bits);
  });

  it("gives the same uniforms", () => {
    const s = stream(k);
    expect(draw(expected.uniform.length, () => s.uniform())).toEqual(expected.uniform);
  });

  it("gives the same normals to float32's last bits", () => {
    const s = stream(k);
    for (const value of expected.normal) expect(Math.abs(s.normal() - value)).toBeLessThan(2e-6);
  });
});

/** Chi-square of observed counts against equal ones. */
function chiSquare(counts: number[]): number {
  const expected = counts.reduce((a, b) => a + b) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Largest distance between the sample's distribution function and `cdf` (Kolmogorov and Smirnov), times sqrt(n): above 1.95 in .1 % of cases. */
function kolmogorovSmirnov(sample: number[], cdf: (x: number) => number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  const n = sorted.length;
  let largest = 0;
  sorted.forEach((x, i) => {
    largest = Math.max(largest, Math.abs(cdf(x) - i / n), Math.abs(cdf(x) - (i + 1) / n));
  });
  return largest * Math.sqrt(n);
}

const sampleOf = (name: string, draw: (s: ReturnType<typeof stream>) => number, length = 20_000) => {
  const s = stream(fold(key(7), name));
  return Array.from({ length }, () => draw(s));
};

describe("distributions", () => {
  it("integer is uniform with both ends", () => {
    const counts = new Array<number>(7).fill(0);
    for (const value of sampleOf("integer", (s) => s.integer(-3, 3)))
      counts[value + 3] = (counts[value + 3] as number) + 1;
    expect(chiSquare(counts)).toBeLessThan(22.46); // .1 % at 6 degrees of freedom
  });

  it("integer has no preference in a range that does not divide 2^32", () => {
    // Three quarters of 2^32: without rejection the first third would come twice as often.
    const sample = sampleOf("wide", (s) => s.integer(0, 3 * 2 ** 30 - 1));
    expect(kolmogorovSmirnov(sample, (x) => x / (3 * 2 ** 30))).toBeLessThan(1.95);
  });

  it("uniform fills its range", () => {
    expect(
      kolmogorovSmirnov(
        sampleOf("uniform", (s) => s.uniform(-2, 5)),
        (x) => (x + 2) / 7,
      ),
    ).toBeLessThan(1.95);
  });

  it("uniform takes a reversed range, as Python's does", () => {
    expect(
      kolmogorovSmirnov(
        sampleOf("reversed", (s) => s.uniform(16, 3)),
        (x) => (x - 3) / 13,
      ),
    ).toBeLessThan(1.95);
  });

  it("logUniform is uniform in the logarithm", () => {
    const sample = sampleOf("log", (s) => s.logUniform(0.3, 1 / 0.3));
    expect(kolmogorovSmirnov(sample, (x) => Math.log(x / 0.3) / Math.log(1 / 0.09))).toBeLessThan(1.95);
  });

  it("normal has the moments of a normal", () => {
    const sample = sampleOf("normal", (s) => s.normal(3, 2)).map((x) => (x - 3) / 2);
    const moment = (power: number) => sample.reduce((sum, x) => sum + x ** power, 0) / sample.length;
    expect(Math.abs(moment(1))).toBeLessThan(3.3 / Math.sqrt(sample.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(3.3 * Math.sqrt(2 / sample.length));
    expect(Math.abs(moment(3))).toBeLessThan(3.3 * Math.sqrt(15 / sample.length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(3.3 * Math.sqrt(96 / sample.length));
  });

  it("beta follows its closed forms", () => {
    // Beta(a, 1) has x^a, Beta(1, 1) is uniform, Beta(1/2, 1/2) the arcsine law.
    expect(
      kolmogorovSmirnov(
        sampleOf("b1", (s) => s.beta(1, 1)),
        (x) => x,
      ),
    ).toBeLessThan(1.95);
    expect(
      kolmogorovSmirnov(
        sampleOf("b2", (s) => s.beta(3, 1)),
        (x) => x ** 3,
      ),
    ).toBeLessThan(1.95);
    expect(
      kolmogorovSmirnov(
        sampleOf("b3", (s) => s.beta(0.5, 0.5)),
        (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x)),
      ),
    ).toBeLessThan(1.95);
  });

  it("beta of tiny parameters is a number, near an end", () => {
    for (const x of sampleOf("tiny", (s) => s.beta(0.001, 0.001), 200)) expect(x >= 0 && x <= 1).toBe(true);
  });

  it("bernoulli comes true as often as asked", () => {
    const share = sampleOf("coin", (s) => (s.bernoulli(0.2) ? 1 : 0)).reduce((a, b) => a + b) / 20_000;
    expect(Math.abs(share - 0.2)).toBeLessThan((3.3 * 0.4) / Math.sqrt(20_000));
    const s = stream(key(0));
    for (let i = 0; i < 100; i++) expect([s.bernoulli(0), s.bernoulli(1)]).toEqual([false, true]);
  });

  it("permutation takes each order equally often", () => {
    const counts = new Map<string, number>();
    const s = stream(key(5));
    for (let i = 0; i < 24_000; i++) {
      const order = s.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare([...counts.values()])).toBeLessThan(49.73); // .1 % at 23 degrees of freedom
  });
});

describe("laws", () => {
  it("equal keys give equal numbers, folded ones others", () => {
    const first = stream(fold(key(3), "sample", 4));
    const again = stream(fold(key(3), "sample", 4));
    const other = stream(fold(key(3), "sample", 5));
    const numbers = Array.from({ length: 9 }, () => first.uint32());
    expect(Array.from({ length: 9 }, () => again.uint32())).toEqual(numbers);
    expect(Array.from({ length: 9 }, () => other.uint32())).not.toEqual(numbers);
  });

  it("shuffle keeps the elements", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.maxSafeInteger(), (items, seed) => {
        const shuffled = stream(key(seed)).shuffle([...items]);
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b));
      }),
    );
  });

  it.each([
    [5, 4],
    [0, 2 ** 32],
    [0.5, 3],
    [0, Number.NaN],
  ])("integer refuses [%d, %d]", (low, high) => expect(() => stream(key(0)).integer(low, high)).toThrow(RangeError));

  it("integer covers the whole 2^32", () => {
    const s = stream(key(0));
    const same = stream(key(0));
    for (let i = 0; i < 8; i++) expect(s.integer(0, 2 ** 32 - 1)).toBe(same.uint32());
  });

  it("beta and logUniform refuse what has no meaning", () => {
    expect(() => stream(key(0)).beta(0, 1)).toThrow(RangeError);
    expect(() => stream(key(0)).logUniform(0, 1)).toThrow(RangeError);
  });
});
