import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holm } from "./holm.ts";
import { pairedDifference, signFlip } from "./paired-difference.ts";
import { studentCritical, studentTwoSided } from "./student-t.ts";

interface Fixtures {
  student: { df: number; t: number; twoSided: number; critical: number; p: number }[];
  paired: {
    first: number[];
    second: number[];
    deviation: number;
    interval: [number, number];
    tTest: number;
    signFlip: number;
  }[];
}
/** Made by tools/fixtures/paired_statistics.py with SciPy. */
const fixtures = JSON.parse(
  readFileSync(new URL("../fixtures/paired-statistics.json", import.meta.url), "utf8"),
) as Fixtures;

describe("against SciPy", () => {
  test.each(fixtures.student)("Student's distribution, df $df, t $t", ({ df, t, twoSided, critical, p }) => {
    expect(studentTwoSided(t, df) / twoSided).toBeCloseTo(1, 11);
    expect(studentTwoSided(-t, df)).toBe(studentTwoSided(t, df));
    expect(studentCritical(p, df) / critical).toBeCloseTo(1, 10);
  });

  test.each(fixtures.paired)("ttest_rel and permutation_test, case %#", ({ first, second, ...expected }) => {
    const got = pairedDifference(first, second);
    expect(got.pairs).toBe(first.length);
    expect(got.deviation).toBeCloseTo(expected.deviation, 12);
    expect(got.interval?.[0]).toBeCloseTo(expected.interval[0], 11);
    expect(got.interval?.[1]).toBeCloseTo(expected.interval[1], 11);
    expect(got.tTest).toBeCloseTo(expected.tTest, 11);
    expect(got.signFlip).toBe(expected.signFlip);
  });
});

describe("pairs", () => {
  test("one pair has no spread, and p of 1", () => {
    expect(pairedDifference([0.5], [0.25])).toEqual({
      pairs: 1,
      mean: 0.25,
      deviation: null,
      interval: null,
      tTest: null,
      signFlip: 1,
    });
  });

  test("what is no pair is refused", () => {
    expect(() => pairedDifference([1, 2], [1])).toThrow("2 and 1 figures are no pairs");
    expect(() => pairedDifference([], [])).toThrow("there are no pairs");
    expect(() => signFlip(new Array(25).fill(1))).toThrow("2^25 choices of signs are too many");
  });

  test("eight differences of one sign give the least p there is", () => {
    expect(signFlip([1, 2, 3, 4, 5, 6, 7, 8])).toBe(2 / 256);
  });

  test("the sign-flip p counts what trying all signs one by one counts", () => {
    const lists = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(lists, (differences) => {
        const seen = Math.abs(differences.reduce((a, b) => a + b, 0));
        let extreme = 0;
        for (let choice = 0; choice < 2 ** differences.length; choice++) {
          const sum = differences.reduce((total, value, i) => total + (choice & (1 << i) ? -value : value), 0);
          if (Math.abs(sum) >= seen) extreme++;
        }
        expect(signFlip(differences)).toBe(extreme / 2 ** differences.length);
      }),
    );
  });
});

describe("Holm's correction", () => {
  // R: p.adjust(c(.01, .04, .03, .005), "holm")
  test("gives what R gives", () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  test("never lowers a p, keeps their order, and stays within 1", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (pValues) => {
        const corrected = holm(pValues);
        pValues.forEach((p, i) => {
          expect(corrected[i]).toBeGreaterThanOrEqual(p);
          expect(corrected[i]).toBeLessThanOrEqual(1);
          pValues.forEach((q, j) => {
            if (p < q) expect(corrected[i]).toBeLessThanOrEqual(corrected[j] as number);
          });
        });
      }),
    );
  });
});
