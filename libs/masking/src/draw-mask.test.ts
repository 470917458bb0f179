import { key, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { blockWiseMask } from "./block-wise-masking.ts";
import { drawMask } from "./draw-mask.ts";
import { randomMask } from "./random-masking.ts";

describe("drawMask", () => {
  const grid = { rows: 14, columns: 14, count: 75, minBlock: 16 };
  const draws = () => stream(key(7));

  it("draws each form as the form's own function does", () => {
    expect(drawMask(draws(), { ...grid, form: "at-most" })).toEqual(blockWiseMask(draws(), grid));
    expect(drawMask(draws(), { ...grid, form: "exactly" })).toEqual(
      blockWiseMask(draws(), { ...grid, form: "exactly" }),
    );
    expect(drawMask(draws(), { ...grid, form: "random" })).toEqual(randomMask(draws(), grid));
  });
});
