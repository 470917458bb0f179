import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { sinCosPositions } from "./sin-cos-positions.ts";

const reference = readFixture("sin-cos-positions");

describe("sine-cosine positions", () => {
  it.each([
    [14, 48],
    [5, 8],
    [2, 4],
  ])("of %i patches a side, %i wide, are MoCo v3's, with its axes' quirk", (side, width) => {
    const found = tf.tensor2d(sinCosPositions(side, side, width), [side * side, width]);
    expectEqual(found, reference(`${side}x${width}`));
  });

  it("need a width divisible by 4", () => {
    expect(() => sinCosPositions(2, 2, 6)).toThrow("need a width divisible by 4, not 6");
  });
});
