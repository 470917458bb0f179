import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digest, empty, noisePicture } from "../test/noise-picture.ts";
import { type Filter, filters } from "./resample-weights.ts";
import { resizeBox } from "./resize.ts";

type Case = [...sizes: [number, number, number, number, number, number, number, number], Filter, string];
const { cases } = JSON.parse(readFileSync(new URL("../fixtures/resize.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

function resized([height, width, top, left, rows, columns, outHeight, outWidth, filter]: Case): string {
  const out = empty(outHeight, outWidth);
  resizeBox(noisePicture(height, width), { top, left, height: rows, width: columns }, out, filter);
  return digest(out);
}

describe("resizeBox", () => {
  it(`is Pillow's, bit for bit, in all of ${cases.length} cases`, () => {
    expect(cases.length).toBeGreaterThan(800);
    const different = cases.filter((one) => resized(one) !== one[9]).map((one) => one.join(" "));
    expect(different).toEqual([]);
  });

  it("mirrors what it would have made", () => {
    const source = noisePicture(24, 19);
    for (const [box, side] of [
      [{ top: 2, left: 5, height: 11, width: 9 }, 8],
      [{ top: 2, left: 5, height: 11, width: 8 }, 8],
      [{ top: 2, left: 5, height: 8, width: 8 }, 8],
    ] as const) {
      const [plain, mirrored] = [empty(side, side), empty(side, side)];
      resizeBox(source, box, plain, "bicubic");
      resizeBox(source, box, mirrored, "bicubic", true);
      for (let at = 0; at < side * side; at++) {
        const there = Math.floor(at / side) * side + side - 1 - (at % side);
        expect(mirrored.data.subarray(at * 3, at * 3 + 3)).toEqual(plain.data.subarray(there * 3, there * 3 + 3));
      }
    }
  });

  it("sees nothing outside the box", () => {
    const length = fc.integer({ min: 1, max: 30 });
    const shape = fc.record({ height: length, width: length, outHeight: length, outWidth: length });
    fc.assert(
      fc.property(shape, fc.constantFrom(...filters), ({ height, width, outHeight, outWidth }, filter) => {
        const inner = noisePicture(height, width);
        const outer = noisePicture(height + 9, width + 7);
        for (let row = 0; row < height; row++)
          outer.data.set(
            inner.data.subarray(row * width * 3, (row + 1) * width * 3),
            ((row + 4) * outer.width + 3) * 3,
          );
        const [fromInner, fromOuter] = [empty(outHeight, outWidth), empty(outHeight, outWidth)];
        resizeBox(inner, { top: 0, left: 0, height, width }, fromInner, filter);
        resizeBox(outer, { top: 4, left: 3, height, width }, fromOuter, filter);
        expect(fromOuter.data).toEqual(fromInner.data);
      }),
    );
  });
});
