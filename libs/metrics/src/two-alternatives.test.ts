import { expect, it } from "vitest";
import { twoAlternatives } from "./two-alternatives.ts";

it("counts the nearer alternative by its share of judges, and a tie as a half", () => {
  // first nearer (1 - .2), second nearer (.6), tie (.5), second nearer (0)
  const { score, ties } = twoAlternatives([1, 3, 2, 5], [2, 1, 2, 4], [0.2, 0.6, 1, 0]);
  expect(score).toBeCloseTo((0.8 + 0.6 + 0.5 + 0) / 4, 12);
  expect(ties).toBe(0.25);
});

it("expects the first one where no judges are named", () => {
  expect(twoAlternatives([0, 1, 1], [1, 1, 0])).toEqual({ score: 0.5, ties: 1 / 3 });
});

it("refuses what does not fit together, and what is no distance", () => {
  expect(() => twoAlternatives([1], [1, 2])).toThrow("1 and 2 distances");
  expect(() => twoAlternatives([], [])).toThrow(RangeError);
  expect(() => twoAlternatives([1], [1], [])).toThrow("0 judgements");
  expect(() => twoAlternatives([Number.NaN], [1])).toThrow("not a number");
});
