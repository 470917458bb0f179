import fc from "fast-check";
import { expect, it } from "vitest";
import { partCount, partPlaces } from "./micro-batches.ts";

const divisions = fc
  .record({
    half: fc.integer({ min: 1, max: 6 }),
    ratio: fc.integer({ min: 1, max: 5 }),
    groups: fc.integer({ min: 1, max: 4 }),
    larger: fc.boolean(),
  })
  .map(({ half, ratio, groups, larger }) => {
    const [small, large] = [2 * half, 2 * half * ratio];
    return { batch: groups * large, microBatch: larger ? large : small, mixGroup: larger ? small : large };
  });

it("the parts are the batch, and pair pictures as their groups do", () => {
  fc.assert(
    fc.property(divisions, (division) => {
      const { batch, microBatch, mixGroup } = division;
      const parts = Array.from({ length: partCount(division) }, (_, part) => [...partPlaces(division, part)]);
      expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: batch }, (_, i) => i));
      for (const places of parts) {
        const chunk = Math.min(microBatch, mixGroup);
        places.forEach((place, i) => {
          const start = Math.floor(i / chunk) * chunk;
          const group = Math.floor(place / mixGroup) * mixGroup;
          expect(places[start + chunk - 1 - (i - start)]).toBe(group + mixGroup - 1 - (place - group));
        });
      }
    }),
  );
});

it("without mixing they follow one another", () => {
  const division = { batch: 6, microBatch: 3, mixGroup: null };
  expect([partPlaces(division, 0), partPlaces(division, 1)].map((places) => [...places])).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
});
