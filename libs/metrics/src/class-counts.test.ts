import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accuracies, countClasses, mergeCounts } from "./class-counts.ts";

const CLASSES = 7;
/** Scores that often tie, their pictures' classes, and a batch's size. */
const split = fc.integer({ min: 1, max: 60 }).chain((pictures) =>
  fc.record({
    scores: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: pictures * CLASSES, maxLength: pictures * CLASSES }),
    labels: fc.array(fc.integer({ min: 0, max: CLASSES - 1 }), { minLength: pictures, maxLength: pictures }),
    batch: fc.integer({ min: 1, max: 64 }),
    cuts: fc.array(fc.integer({ min: 0, max: pictures }), { maxLength: 8 }),
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
  it("are the same however the split is cut, in whatever batches, and whichever part is done first", () => {
    fc.assert(
      fc.property(split, ({ scores, labels, batch, cuts, order }) => {
        const whole = countClasses(scores, labels, CLASSES, 0);
        const ends = [...cuts, labels.length].toSorted((a, b) => a - b);
        const parts = ends
          .flatMap((end, i) => counted(scores, labels, [ends[i - 1] ?? 0, end], batch))
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
});
