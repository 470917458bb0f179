import { describe, expect, it } from "vitest";
import { spread } from "./spread.ts";

describe("spread", () => {
  it("gives median and quartiles by linear interpolation, whatever the order", () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, quartiles: [1.75, 3.25] });
    expect(spread([7])).toEqual({ median: 7, quartiles: [7, 7] });
  });

  it("is NaN for no figures", () => {
    expect(spread([]).median).toBeNaN();
  });
});
