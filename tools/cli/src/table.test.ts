import { describe, expect, it } from "vitest";
import { bytes, figure, pairs, table } from "./table.ts";

describe("text for people", () => {
  it("stands in columns, numbers at the right", () => {
    expect(
      table(
        ["name", "size"],
        [
          ["a", { right: "5" }],
          ["longer", { right: "1234567" }],
        ],
      ),
    ).toBe("name       size\na             5\nlonger  1234567");
    expect(table(["name", "size"], [])).toBe("name  size");
    expect(
      pairs([
        ["a", "1"],
        ["long", ""],
      ]),
    ).toBe("a     1\nlong");
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [3_449_000, "3.4 MB"],
    [24_000_000_000, "24 GB"],
    [123_456, "123 kB"],
    [99_960, "100 kB"],
    [999_900, "1.0 MB"],
  ])("%i bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

  it.each([
    [0.43216, "0.4322"],
    [12, "12"],
    [1234, "1,234"],
    [12345.6, "12,346"],
    [1, "1"],
    [0.00001234, "0.00001234"],
  ])("the figure %d is %s", (value, text) => expect(figure(value)).toBe(text));
});
