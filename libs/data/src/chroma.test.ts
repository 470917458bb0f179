import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chroma } from "./colour.ts";

const turned = (pixel: readonly number[], turn: number) => {
  const pixels = Uint8Array.from(pixel);
  chroma(pixels, turn);
  return [...pixels];
};
const channel = fc.integer({ min: 0, max: 255 });
const pixel = fc.tuple(channel, channel, channel);
/** Colours so near to grey that no turn leaves the range. */
const muted = fc.tuple(
  fc.integer({ min: 100, max: 150 }),
  fc.integer({ min: 100, max: 150 }),
  fc.integer({ min: 100, max: 150 }),
);

describe("a turn of the chroma", () => {
  it("by a third of the circle moves each channel on", () => {
    fc.assert(
      fc.property(pixel, ([red, green, blue]) => {
        expect(turned([red, green, blue], 1 / 3)).toEqual([blue, red, green]);
        expect(turned([red, green, blue], -1 / 3)).toEqual([green, blue, red]);
        expect(turned([red, green, blue], 0)).toEqual([red, green, blue]);
      }),
    );
  });

  it("by half of it mirrors the colour at its grey, and keeps the mean", () => {
    expect(turned([120, 100, 110], 0.5)).toEqual([100, 120, 110]);
    const turns = fc.double({ min: -0.5, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(muted, turns, (before, turn) => {
        const mean = (each: readonly number[]) => each.reduce((sum, value) => sum + value, 0) / 3;
        expect(Math.abs(mean(turned(before, turn)) - mean(before))).toBeLessThanOrEqual(0.5);
        const spread = (each: readonly number[]) =>
          Math.sqrt(each.reduce((sum, value) => sum + (value - mean(each)) ** 2, 0));
        expect(Math.abs(spread(turned(before, turn)) - spread(before))).toBeLessThan(1);
      }),
    );
  });

  it("leaves grey alone", () => {
    expect(turned([77, 77, 77], 0.23)).toEqual([77, 77, 77]);
  });
});
