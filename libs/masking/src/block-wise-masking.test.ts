import { key, stream } from "@peco/random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, blockWiseMask, blockWiseMaskAndBlocks, roundHalfToEven } from "./block-wise-masking.ts";
import { type BlockWiseOptions, MaskOptionsError } from "./options.ts";

const sum = (mask: Uint8Array) => mask.reduce((total, value) => total + value, 0);

const options = fc
  .record({
    rows: fc.integer({ min: 3, max: 20 }),
    columns: fc.integer({ min: 3, max: 20 }),
    share: fc.double({ min: 0.05, max: 1, noNaN: true }),
    minBlock: fc.integer({ min: 1, max: 4 }),
    form: fc.constantFrom("at-most" as const, "exactly" as const),
  })
  .map(
    ({ share, ...rest }): BlockWiseOptions => ({
      ...rest,
      count: Math.max(1, Math.floor(share * rest.rows * rest.columns)),
    }),
  );

/** The mask that the blocks alone make. */
function paint(blocks: Block[], { rows, columns }: BlockWiseOptions): Uint8Array {
  const mask = new Uint8Array(rows * columns);
  for (const { top, left, height, width } of blocks) {
    for (let row = top; row < top + height; row++) mask.fill(1, row * columns + left, row * columns + left + width);
  }
  return mask;
}

describe("blockWiseMask", () => {
  it("hides at most, or exactly, as many patches as asked, and only with 0 and 1", () => {
    fc.assert(
      fc.property(options, fc.maxSafeInteger(), (asked, seed) => {
        const mask = blockWiseMask(stream(key(seed)), asked);
        expect(mask.length).toBe(asked.rows * asked.columns);
        expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
        if (asked.form === "exactly") expect(sum(mask)).toBe(asked.count);
        else expect(sum(mask)).toBeLessThanOrEqual(asked.count);
      }),
    );
  });

  it("is made of blocks strictly smaller than the grid, each of which hides something new", () => {
    fc.assert(
      fc.property(options, fc.maxSafeInteger(), (asked, seed) => {
        const { mask, blocks } = blockWiseMaskAndBlocks(stream(key(seed)), asked);
        blocks.forEach(({ top, left, height, width }, index) => {
          expect(height < asked.rows && width < asked.columns).toBe(true);
          expect(top >= 0 && left >= 0 && top + height <= asked.rows && left + width <= asked.columns).toBe(true);
          expect(sum(paint(blocks.slice(0, index + 1), asked))).toBeGreaterThan(
            sum(paint(blocks.slice(0, index), asked)),
          );
        });
        const painted = paint(blocks, asked);
        if (asked.form === "at-most") expect(mask).toEqual(painted);
        else expect(painted.every((value, cell) => value <= (mask[cell] as number))).toBe(true);
      }),
    );
  });

  it("gives the same mask for the same key, another for another", () => {
    const asked = { rows: 14, columns: 14, count: 75, minBlock: 16 };
    const masks = [0, 1, 2, 3].map((seed) => blockWiseMask(stream(key(seed)), asked).join(""));
    expect(new Set(masks).size).toBe(4);
    expect(blockWiseMask(stream(key(2)), asked).join("")).toBe(masks[2]);
  });

  it("bounds each block by maxBlock", () => {
    const asked = { rows: 14, columns: 14, count: 75, minBlock: 4, maxBlock: 9 };
    for (let seed = 0; seed < 200; seed++) {
      const { blocks } = blockWiseMaskAndBlocks(stream(key(seed)), asked);
      blocks.forEach((_, index) => {
        const added = sum(paint(blocks.slice(0, index + 1), asked)) - sum(paint(blocks.slice(0, index), asked));
        expect(added).toBeLessThanOrEqual(9);
      });
    }
  });

  it("takes a count below minBlock as BEiT does, by the reversed range", () => {
    const asked = { rows: 14, columns: 14, count: 10, minBlock: 16 };
    const counts = Array.from({ length: 200 }, (_, seed) => sum(blockWiseMask(stream(key(seed)), asked)));
    expect(Math.max(...counts)).toBe(10);
    expect(counts.every((count) => count <= 10)).toBe(true);
  });

  it("fills the last corner only in the exact form", () => {
    const asked = { rows: 3, columns: 3, count: 9, minBlock: 1 };
    expect(sum(blockWiseMask(stream(key(1)), { ...asked, form: "exactly" }))).toBe(9);
  });

  it("can be of single patches only, when no block fits, in the exact form", () => {
    expect(sum(blockWiseMask(stream(key(1)), { rows: 1, columns: 5, count: 2, form: "exactly" }))).toBe(2);
  });
});

describe("refusals", () => {
  const good: BlockWiseOptions = { rows: 14, columns: 14, count: 75, minBlock: 16 };
  const cases: [Partial<BlockWiseOptions>, string, RegExp][] = [
    [{ rows: 0 }, "rows", /0 is no whole number from 1/],
    [{ columns: 2.5 }, "columns", /2\.5 is no whole number/],
    [{ rows: 1e9 }, "rows", /no whole number from 1 to 4096/],
    [{ count: 0 }, "count", /0 patches cannot be masked in a grid of 14x14/],
    [{ count: 197 }, "count", /197 patches cannot be masked/],
    [{ count: Number.NaN }, "count", /NaN patches/],
    [{ minBlock: 0 }, "minBlock", /cannot have 0 patches/],
    [{ minBlock: Number.POSITIVE_INFINITY }, "minBlock", /cannot have Infinity/],
    [{ maxBlock: 15 }, "maxBlock", /15 is below minBlock, 16/],
    [{ aspect: [2, 1] }, "aspect", /no range of ratios/],
    [{ aspect: [0, 1] }, "aspect", /no range of ratios/],
    [{ form: "about" as "exactly" }, "form", /"about" is not known/],
    [
      { rows: 2, columns: 2, count: 4, minBlock: 4 },
      "minBlock",
      /no block of 4 or more patches fits strictly inside 2x2/,
    ],
    [{ rows: 1, columns: 9, count: 3, minBlock: 1 }, "minBlock", /fits strictly inside 1x9/],
  ];
  it.each(cases)("of %j", (change, path, message) => {
    const attempt = () => blockWiseMask(stream(key(0)), { ...good, ...change });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(
      expect.objectContaining({ name: "MaskOptionsError", path, exitCode: 64, remedy: expect.stringMatching(/\.$/) }),
    );
    expect(attempt).toThrow(MaskOptionsError);
  });
});

it("rounds halves to the even neighbour, as Python does", () => {
  expect([0.5, 1.5, 2.5, 3.5, 2.4, 2.6, 7].map(roundHalfToEven)).toEqual([0, 2, 2, 4, 2, 3, 7]);
});
