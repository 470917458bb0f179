import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blurred, shifted, tripleSettings } from "./triples.ts";

/** Numbers the pixels of a picture: `[size, size, 3]` with row * size + column in each channel. */
const numbered = (size: number) => Uint8Array.from({ length: size * size * 3 }, (_, i) => Math.floor(i / 3));
const pixel = (picture: Uint8Array, size: number, row: number, column: number) => picture[(row * size + column) * 3];

describe("changed pictures", () => {
  it("move by whole pixels and mirror what comes in, without repeating the edge", () => {
    const right = shifted(numbered(5), 5, 2, 0);
    expect([0, 1, 2, 3, 4].map((column) => pixel(right, 5, 0, column))).toEqual([2, 1, 0, 1, 2]);
    const up = shifted(numbered(5), 5, 0, -1);
    expect([0, 1, 2, 3, 4].map((row) => pixel(up, 5, row, 0))).toEqual([5, 10, 15, 20, 15]);
  });

  it("come back inside the border when moved there and back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }), (right, down) => {
        const back = shifted(shifted(numbered(11), 11, right, down), 11, -right, -down);
        for (let row = 3; row < 8; row++)
          for (let column = 3; column < 8; column++) expect(pixel(back, 11, row, column)).toBe(row * 11 + column);
      }),
    );
  });

  it("are blurred into a new picture, more with a larger deviation, and an even one not at all", () => {
    const line = Uint8Array.from({ length: 9 * 9 * 3 }, (_, i) => (Math.floor(i / 3) % 9 === 4 ? 200 : 0));
    const before = line.slice();
    const peaks = [0.7, 1, 2].map((sigma) => pixel(blurred(line, 9, sigma), 9, 4, 4) as number);
    expect(line).toEqual(before);
    expect(peaks).toEqual(peaks.toSorted((a, b) => b - a));
    expect(peaks[0]).toBeLessThan(200);
    expect(peaks[1]).toBeGreaterThan(70); // 200 / sqrt(2 pi) is 79.8
    expect(peaks[1]).toBeLessThan(90);
    const even = new Uint8Array(9 * 9 * 3).fill(77);
    expect(blurred(even, 9, 2)).toEqual(even);
  });
});

it("settings grow with the picture", () => {
  const [small, large] = [tripleSettings(32), tripleSettings(224)];
  expect(small[0]).toEqual({ kind: "shift", shift: 1, sigma: 0.7 });
  expect(large[0]).toEqual({ kind: "shift", shift: 7, sigma: expect.closeTo(4.9, 9) });
  expect(large.at(-1)).toEqual({ kind: "other-picture", shift: null, sigma: 7 });
  expect(tripleSettings(16)[0]?.shift).toBe(1);
});
