import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frechetDistance, VectorMoments } from "./frechet-distance.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

const reference = JSON.parse(readFileSync(new URL("../fixtures/frechet.json", import.meta.url), "utf8")) as {
  [name: string]: number[];
} & { width: number; distance: number; distanceFew: number };

const gaussianOf = (vectors: readonly number[], width = 9) => {
  const moments = new VectorMoments(width);
  moments.add(vectors.slice(0, 2 * width));
  moments.add(vectors.slice(2 * width));
  return moments.gaussian();
};

function expectNear(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs((actual[i] as number) - value)).toBeLessThan(tolerance * largest);
  });
}

describe("the Frechet distance", () => {
  const [a, b, few] = ["a", "b", "few"].map((name) => gaussianOf(reference[name] as number[])) as [
    ReturnType<typeof gaussianOf>,
    ReturnType<typeof gaussianOf>,
    ReturnType<typeof gaussianOf>,
  ];

  it("has NumPy's moments and SciPy's distance, also where a covariance is singular", () => {
    expectNear(a.mean, reference["mean"] as number[], 1e-13);
    expectNear(a.covariance, reference["covariance"] as number[], 1e-13);
    expect(frechetDistance(a, b) / reference.distance).toBeCloseTo(1, 10);
    expect(frechetDistance(b, a) / reference.distance).toBeCloseTo(1, 10);
    // SciPy's root of a singular product is itself good to seven digits only
    expect(frechetDistance(a, few) / reference.distanceFew).toBeCloseTo(1, 6);
  });

  it("is 0 for the same vectors", () => {
    expect(frechetDistance(a, a)).toBeLessThan(1e-9 * reference.distance);
    expect(frechetDistance(few, few)).toBeLessThan(1e-6);
  });

  it("says what cannot be compared", () => {
    expect(() => new VectorMoments(3).add([1, 2])).toThrow("2 values are no vectors of 3");
    expect(() => gaussianOf([1, 2, 3], 3)).toThrow("1 vectors have no covariance");
  });
});

describe("symmetricEigen", () => {
  it("has NumPy's eigenvalues", () => {
    const { values } = symmetricEigen(Float64Array.from(reference["covariance"] as number[]), 9);
    expectNear(values, reference["eigenvalues"] as number[], 1e-13);
  });

  it("gives orthogonal vectors that make up the matrix again", () => {
    const matrices = fc
      .integer({ min: 1, max: 8 })
      .chain((n) =>
        fc.tuple(
          fc.constant(n),
          fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: n * n, maxLength: n * n }),
        ),
      );
    fc.assert(
      fc.property(matrices, ([n, entries]) => {
        const at = (i: number, j: number) => entries[Math.min(i, j) * n + Math.max(i, j)] as number;
        const matrix = Float64Array.from({ length: n * n }, (_, i) => at(Math.floor(i / n), i % n));
        const { values, vectors } = symmetricEigen(matrix, n);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let [entry, along] = [0, 0];
            for (let k = 0; k < n; k++) {
              const [left, right] = [vectors[i * n + k] as number, vectors[j * n + k] as number];
              entry += left * (values[k] as number) * right;
              along += left * right;
            }
            expect(Math.abs(entry - at(i, j))).toBeLessThan(1e-11);
            expect(Math.abs(along - (i === j ? 1 : 0))).toBeLessThan(1e-12);
          }
        }
      }),
      { numRuns: 100, examples: [[[3, [0, 0, -8.97e-261, 0, -3.5e-323, 0, 0, 0, -1.63e-203]]]] },
    );
  });

  it("refuses what holds no numbers", () => {
    expect(() => symmetricEigen(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2)).toThrow(
      "the 2 x 2 matrix holds values that are not finite",
    );
    expect(() => symmetricEigen(Float64Array.of(1, 2), 2)).toThrow("2 values are no 2 x 2 matrix");
  });
});
