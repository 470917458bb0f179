import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  balancedAccuracy,
  bestClasses,
  codebookUse,
  codeHistogram,
  confusionMatrix,
  psnr,
  sampleDeviation,
  ssim,
  topKHits,
} from "../src/index.ts";

const shape = { height: 12, width: 13, channels: 3 };
const picture = fc.uint8Array({ minLength: 12 * 13 * 3, maxLength: 12 * 13 * 3 });

describe("pictures", () => {
  it("a picture equals itself", () => {
    fc.assert(
      fc.property(picture, (a) => {
        expect(psnr(a, a)).toBe(Number.POSITIVE_INFINITY);
        expect(ssim(a, a, shape)).toBeCloseTo(1, 12);
      }),
      { numRuns: 20 },
    );
  });

  it("neither measure prefers a side, and SSIM is at most 1", () => {
    fc.assert(
      fc.property(picture, picture, (a, b) => {
        expect(psnr(a, b)).toBe(psnr(b, a));
        expect(ssim(a, b, shape)).toBeCloseTo(ssim(b, a, shape), 12);
        expect(ssim(a, b, shape)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 20 },
    );
  });

  it("the range scales with the values", () => {
    fc.assert(
      fc.property(picture, picture, (a, b) => {
        const unit = (p: Uint8Array) => Float64Array.from(p, (value) => value / 255);
        expect(ssim(unit(a), unit(b), { ...shape, range: 1 })).toBeCloseTo(ssim(a, b, shape), 10);
        if (psnr(a, b) < Number.POSITIVE_INFINITY) expect(psnr(unit(a), unit(b), 1)).toBeCloseTo(psnr(a, b), 10);
      }),
      { numRuns: 20 },
    );
  });

  it("refuses shapes that do not fit", () => {
    expect(() => psnr([1, 2], [1])).toThrow(/2 and 1 values/);
    expect(() => ssim([1], [1], { height: 1, width: 1, channels: 1 })).toThrow(/smaller than the window of 11x11/);
    expect(() => ssim([1], [1], { height: 1, width: 2, channels: 1 })).toThrow(/are not 1x2x1/);
  });
});

describe("classes", () => {
  it("every picture is a hit among all classes, and hits grow with k", () => {
    const scores = fc.array(fc.float({ noNaN: true }), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(scores, fc.array(fc.nat(4), { minLength: 8, maxLength: 8 }), (values, labels) => {
        const hits = [1, 2, 3, 4, 5].map((k) => topKHits(values, labels, 5, k));
        expect(hits[4]).toBe(8);
        expect(hits.toSorted((a, b) => a - b)).toEqual(hits);
        const confusion = confusionMatrix(labels, bestClasses(values, 5), 5);
        expect([0, 6, 12, 18, 24].reduce((sum, cell) => sum + (confusion[cell] as number), 0)).toBe(hits[0]);
      }),
    );
  });

  it("a score that is not a number is never a hit", () => {
    expect(topKHits([Number.NaN, 0, 1], [0], 3, 1)).toBe(0);
    expect(topKHits([Number.NaN, 0, 1], [2], 3, 1)).toBe(0);
  });

  it("balanced accuracy of a constant answer is one over the classes, however uneven they are", () => {
    const labels = [0, 0, 0, 0, 0, 0, 1, 2];
    expect(
      balancedAccuracy(
        confusionMatrix(
          labels,
          labels.map(() => 0),
          4,
        ),
        4,
      ),
    ).toBe(1 / 3);
  });

  it("refuses what is out of range", () => {
    expect(() => topKHits([1, 2], [2], 2, 1)).toThrow(/class 2 of picture 0 is not among 2/);
    expect(() => topKHits([1, 2, 3], [0], 2, 1)).toThrow(/do not fit/);
    expect(() => confusionMatrix([0], [0, 1], 2)).toThrow(/1 labels, but 2 predictions/);
    expect(() => codeHistogram([0, 5], 4)).toThrow(/token 5 at 1 is not in a codebook of 4/);
  });
});

describe("codebook use", () => {
  it("is full for even use, least for one code", () => {
    expect(codebookUse(new Uint32Array(256).fill(7))).toEqual({
      usage: 1,
      perplexity: expect.closeTo(256, 9),
      bits: expect.closeTo(8, 12),
    });
    expect(codebookUse([0, 9, 0, 0])).toEqual({ usage: 0.25, perplexity: 1, bits: 0 });
  });
});

it("one value has no spread", () => expect(sampleDeviation([1])).toBeNaN());
