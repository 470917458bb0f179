import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

describe("nearest", () => {
  it.each([
    ["stps", "steps"],
    ["Steps", "steps"],
    ["setps", "steps"],
    ["bacth", "batch"],
    ["perceptualNetwrok", "perceptualNetwork"],
    ["smal", "small"],
    ["tny", "tiny"],
  ])("takes %s for %s", (typed, meant) => {
    expect(nearest(typed, ["steps", "batch", "perceptualNetwork", "small", "tiny"])).toBe(meant);
  });

  it("takes nothing for what is far from all", () => {
    expect(nearest("zebra", ["steps", "batch"])).toBe(null);
    expect(nearest("x", [])).toBe(null);
  });

  it("finds a name with one letter changed, whatever the name", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{4,12}$/),
        fc.nat(),
        fc.constantFrom("drop", "double", "swap", "change"),
        (name, at, how) => {
          const i = at % (name.length - 1);
          const [head, one, two, tail] = [name.slice(0, i), name[i], name[i + 1], name.slice(i + 2)];
          const typed = {
            drop: `${head}${two}${tail}`,
            double: `${head}${one}${one}${two}${tail}`,
            swap: `${head}${two}${one}${tail}`,
            change: `${head}_${two}${tail}`,
          }[how];
          expect(nearest(typed, [name, "something else entirely"])).toBe(name);
        },
      ),
    );
  });
});
