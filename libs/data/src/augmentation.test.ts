import { readFileSync } from "node:fs";
import { fold, key, stream } from "@peco/random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as colour from "./colour.ts";
import { blurRadius, gaussianBlur } from "./gaussian-blur.ts";
import { centralBox, randomResizedCrop } from "./random-resized-crop.ts";
import { type Box, type Filter, resizeBox } from "./resize.ts";

const fixture = JSON.parse(readFileSync(new URL("../fixtures/augmentation.json", import.meta.url), "utf8")) as {
  side: number;
  picture: string;
  resizes: { box: Box; size: number; filter: Filter; floats: string; bytes: string }[];
  colours: { operation: keyof typeof operations; arguments: number[]; floats: string }[];
};
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const floats = (text: string) => new Float32Array(bytes(text).buffer);
const picture = bytes(fixture.picture);
const { side } = fixture;

const operations = {
  ...{ brightness: colour.brightness, contrast: colour.contrast, saturation: colour.saturation, hue: colour.hue },
  ...{ grey: colour.grey, solarize: colour.solarize },
  blur: (pixels: Float64Array, sigma: number, radius: number) => gaussianBlur(pixels, side, sigma, radius),
};

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] as number))), 0);
}

describe("resizeBox", () => {
  it.each(fixture.resizes)(
    "is Pillow's: $box.height x $box.width to $size, $filter",
    ({ box, size, filter, ...expected }) => {
      const out = new Float64Array(size * size * 3);
      resizeBox(picture, side, box, out, size, filter);
      expect(largestDifference(out, floats(expected.floats))).toBeLessThan(1e-5 * 255);
      // Pillow's 8-bit mode rounds after each of its two passes
      const rounded = out.map(Math.round);
      expect(largestDifference(rounded, bytes(expected.bytes))).toBeLessThanOrEqual(1);
    },
  );

  it("mirrors left to right", () => {
    const [plain, mirrored] = [new Float64Array(8 * 8 * 3), new Float64Array(8 * 8 * 3)];
    const box = { top: 2, left: 5, height: 11, width: 9 };
    resizeBox(picture, side, box, plain, 8, "bicubic");
    resizeBox(picture, side, box, mirrored, 8, "bicubic", true);
    for (let at = 0; at < 64; at++) {
      const there = Math.floor(at / 8) * 8 + 7 - (at % 8);
      expect(mirrored.subarray(at * 3, at * 3 + 3)).toEqual(plain.subarray(there * 3, there * 3 + 3));
    }
  });

  it("keeps a picture of one colour", () => {
    const even = new Uint8Array(side * side * 3).fill(77);
    const cases = fc.record({
      ...{
        top: fc.nat(10),
        left: fc.nat(10),
        height: fc.integer({ min: 1, max: 14 }),
        width: fc.integer({ min: 1, max: 14 }),
      },
      ...{ size: fc.integer({ min: 1, max: 40 }), filter: fc.constantFrom("bilinear", "bicubic", "lanczos") },
    });
    fc.assert(
      fc.property(cases, ({ size, filter, ...box }) => {
        const out = new Float64Array(size * size * 3);
        resizeBox(even, side, box, out, size, filter as Filter);
        expect(out.every((value) => Math.abs(value - 77) < 1e-9)).toBe(true);
      }),
    );
  });
});

describe("colours and blur", () => {
  it.each(fixture.colours)("$operation $arguments is NumPy's", ({ operation, arguments: given, floats: expected }) => {
    const pixels = Float64Array.from(picture);
    (operations[operation] as (pixels: Float64Array, ...given: number[]) => void)(pixels, ...given);
    expect(largestDifference(pixels, floats(expected))).toBeLessThan(1e-5 * 255);
  });

  it("blurs with five taps up to a deviation of one pixel", () => {
    expect([0.5, 1, 1.01, 2].map((sigma) => 2 * blurRadius(sigma, 32) + 1)).toEqual([3, 5, 7, 9]);
    expect(blurRadius(5, 4)).toBe(3);
  });
});

describe("randomResizedCrop", () => {
  it("lies inside, with area and aspect near what was asked", () => {
    const draws = stream(key(1));
    for (let sample = 0; sample < 2000; sample++) {
      const { top, left, height, width } = randomResizedCrop(draws, 32, 32, [0.4, 1], [3 / 4, 4 / 3]);
      expect(top >= 0 && left >= 0 && top + height <= 32 && left + width <= 32).toBe(true);
      expect(height * width).toBeGreaterThan(0.4 * 1024 - 33);
      expect(width / height).toBeGreaterThan(0.7);
      expect(width / height).toBeLessThan(1.43);
    }
  });

  it("draws areas uniformly where all fit", () => {
    const areas = Array.from({ length: 4000 }, (_, sample) => {
      const { height, width } = randomResizedCrop(stream(fold(key(2), sample)), 512, 512, [0.1, 0.5], [3 / 4, 4 / 3]);
      return (height * width) / 512 ** 2;
    }).sort((a, b) => a - b);
    const kolmogorov = Math.max(
      ...areas.map((area, rank) => Math.abs((area - 0.1) / 0.4 - (rank + 0.5) / areas.length)),
    );
    expect(kolmogorov).toBeLessThan(1.95 / Math.sqrt(4000)); // .1 %
  });

  it("falls back to the largest central box when none fits", () => {
    expect(randomResizedCrop(stream(key(0)), 10, 40, [1, 1], [1, 2])).toEqual({
      top: 0,
      left: 10,
      height: 10,
      width: 20,
    });
    expect(centralBox(40, 10, [0.5, 1])).toEqual({ top: 10, left: 0, height: 20, width: 10 });
    expect(centralBox(32, 32, [3 / 4, 4 / 3])).toEqual({ top: 0, left: 0, height: 32, width: 32 });
  });
});
