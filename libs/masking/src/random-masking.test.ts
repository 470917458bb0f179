import { fold, key, stream } from "@peco/random";
import fc from "fast-check";
import { expect, it } from "vitest";
import { randomMask } from "./random-masking.ts";

it("hides exactly as many patches as asked", () => {
  const grid = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    columns: fc.integer({ min: 1, max: 20 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(grid, fc.maxSafeInteger(), ({ rows, columns, share }, seed) => {
      const count = Math.max(1, Math.floor(share * rows * columns));
      const mask = randomMask(stream(key(seed)), { rows, columns, count });
      expect(mask.length).toBe(rows * columns);
      expect(mask.reduce((a, b) => a + b, 0)).toBe(count);
    }),
  );
});

it("chooses every pair of patches equally often", () => {
  const counts = new Map<string, number>();
  for (let sample = 0; sample < 15_000; sample++) {
    const pair = randomMask(stream(fold(key(1), sample)), { rows: 2, columns: 3, count: 2 }).join("");
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  expect(counts.size).toBe(15);
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chiSquare).toBeLessThan(36.12); // .1 % at 14 degrees of freedom
});

it("refuses more patches than there are", () => {
  expect(() => randomMask(stream(key(0)), { rows: 2, columns: 2, count: 5 })).toThrow(
    /5 patches cannot be masked in a grid of 2x2/,
  );
});
