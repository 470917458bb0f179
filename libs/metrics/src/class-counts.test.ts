import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accuracies, countClasses, mergeCounts, workersRange } from "./class-counts.ts";

const CLASSES = 7;
/** Scores that often tie, their pictures' classes, and a batch's size. */
const split = fc.integer({ min: 1, max: 60 }).chain((pictures) =>
  fc.record({
    scores: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: pictures * CLASSES, maxLength: pictures * CLASSES }),
    labels: fc.array(fc.integer({ min: 0, max: CLASSES - 1 }), { minLength: pictures, maxLength: pictures }),
    batch: fc.integer({ min: 1, max: 64 }),
    workers: fc.integer({ min: 1, max: 9 }),
    order: fc.infiniteStream(fc.nat()),
  }),
);

/** Counts of pictures `[first, end)`, each batch's from rows that are filled up with zeros, as batches in order are. */
function counted(scores: number[], labels: number[], [first, end]: readonly [number, number], batch: number) {
  const parts = [];
  for (let at = first; at < end; at += batch) {
    const padded = [
      ...scores.slice(at * CLASSES, (at + batch) * CLASSES),
      ...new Array<number>(batch * CLASSES).fill(0),
    ];
    const count = Math.min(batch, end - at);
    parts.push(countClasses(padded.slice(0, count * CLASSES), labels.slice(at, at + count), CLASSES, at));
  }
  return parts;
}

describe("counts of right answers", () => {
  it("are the same however many workers count, in whatever batches, and whoever is done first", () => {
    fc.assert(
      fc.property(split, ({ scores, labels, batch, workers, order }) => {
        const whole = countClasses(scores, labels, CLASSES, 0);
        const parts = Array.from({ length: workers }, (_, worker) => workersRange(labels.length, worker, workers))
          .flatMap((range) => counted(scores, labels, range, batch))
          .map((part) => ({ part, at: order.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ part }) => part);
        expect(mergeCounts(parts)).toEqual(whole);
        expect(accuracies(mergeCounts(parts), labels.length)).toEqual(accuracies(whole, labels.length));
      }),
    );
  });

  it("refuse a picture that is counted twice, and one that is missing", () => {
    const count = (first: number, pictures: number) =>
      countClasses(new Array<number>(pictures * 2).fill(0), new Array<number>(pictures).fill(1), 2, first);
    expect(() => mergeCounts([count(4, 4), count(0, 5)])).toThrow("picture 4 was counted twice");
    expect(() => accuracies(mergeCounts([count(0, 4), count(5, 4)]), 9)).toThrow(
      "pictures 0 to 3, 5 to 8 were counted",
    );
    expect(() => accuracies(count(0, 8), 9)).toThrow("and not 0 to 8");
    expect(accuracies(mergeCounts([count(5, 4), count(0, 5)]), 9)).toEqual({ top1: 0, top5: 1, balanced: 0 });
    expect(() => mergeCounts([])).toThrow(RangeError);
  });

  it("give each worker its share, and every picture to one", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 20 }), (pictures, workers) => {
        const ranges = Array.from({ length: workers }, (_, worker) => workersRange(pictures, worker, workers));
        expect(ranges.at(0)?.[0]).toBe(0);
        expect(ranges.at(-1)?.[1]).toBe(pictures);
        const sizes = ranges.map(([first, end], i) => {
          expect(first).toBe(ranges[i - 1]?.[1] ?? 0);
          return end - first;
        });
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
