import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import {
  progressionRatio,
  resizeLearnedPositions,
  resizeRelativePositions,
  withPictureSize,
} from "./position-resize.ts";

const { tensors } = decodeSafetensors(readFileSync(new URL("../fixtures/positions.safetensors", import.meta.url)));
const fixture = (name: string) => tensors[name] as HostArray<"float32">;

/** Largest difference over the largest value. */
function distance(actual: HostArray<"float32">, expected: HostArray<"float32">): number {
  expect(actual.shape).toEqual(expected.shape);
  const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest(actual.data.map((value, i) => value - (expected.data[i] as number))) / largest(expected.data);
}

describe.each([
  [14, 24],
  [14, 28],
  [24, 14],
  [3, 4],
  [16, 32],
])("from %i to %i patches a side", (from, to) => {
  const name = `${from}-${to}`;

  it("relative positions by BEiT's cubic spline, as FITPACK", () => {
    const resized = resizeRelativePositions(fixture(`${name}.table`), from, to, "beit-cubic");
    expect(distance(resized, fixture(`${name}.cubic`))).toBeLessThan(1e-6);
  });

  it("relative positions linearly, as timm", () => {
    const resized = resizeRelativePositions(fixture(`${name}.table`), from, to, "timm-linear");
    expect(distance(resized, fixture(`${name}.linear`))).toBeLessThan(1e-5);
  });

  it("learned positions by antialiased bicubic, as timm", () => {
    // timm computes the weights in float32: 1.3e-6 was measured.
    const resized = resizeLearnedPositions(fixture(`${name}.positions`), from, to);
    expect(distance(resized, fixture(`${name}.bicubic`))).toBeLessThan(1e-5);
  });
});

it.each([
  [14, 24, 1.0903079],
  [14, 28, 1.114428],
  [16, 32, 1.0968913],
])("the progression from %i to %i patches has the ratio %f", (from, to, ratio) => {
  // The bisection ends within 1e-6 of the root.
  expect(Math.abs(progressionRatio(2 * from - 1, 2 * to - 1) - ratio)).toBeLessThan(1.1e-6);
});

it("an unchanged size changes nothing, and the class token's entries are copied", () => {
  const table = fixture("14-24.table");
  expect(resizeRelativePositions(table, 14, 14, "beit-cubic")).toBe(table);
  for (const method of ["beit-cubic", "timm-linear"] as const) {
    expect(resizeRelativePositions(table, 14, 24, method).data.slice(-6)).toEqual(table.data.slice(-6));
  }
});

it("every table of a network is resized, and nothing else", () => {
  const [table, positions] = [fixture("14-24.table"), fixture("14-24.positions")];
  const weights = {
    "vit.blocks.0.relativePositions": table,
    "vit.positions": positions,
    "head.bias": fixture("3-4.table"),
    relativePositions: table,
  };
  const resized = withPictureSize(weights, { size: 224, patch: 16 }, { size: 384, patch: 16 }, "timm-linear");
  expect(Object.keys(resized)).toEqual(Object.keys(weights));
  expect(resized["vit.blocks.0.relativePositions"]).toEqual(resizeRelativePositions(table, 14, 24, "timm-linear"));
  expect(resized["vit.positions"]?.shape).toEqual([1, 577, 3]);
  expect(resized["head.bias"]).toBe(weights["head.bias"]);
  expect(resized["relativePositions"]?.shape).toEqual([47 * 47 + 3, 2]);
});

it("tables of another grid are refused", () => {
  const table = fixture("14-24.table");
  expect(() => resizeRelativePositions(table, 13, 24, "beit-cubic")).toThrow(
    "a grid of 13x13 has 628 relative positions, not 732",
  );
  expect(() => resizeLearnedPositions(fixture("3-4.positions"), 4, 8)).toThrow(/not 10$/);
  const small = { dtype: "float32", shape: [12, 1], data: new Float32Array(12) } as const;
  expect(() => resizeRelativePositions(small, 2, 4, "beit-cubic")).toThrow("a cubic spline needs 4 places, not 3");
});
