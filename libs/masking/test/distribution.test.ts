import { readFileSync } from "node:fs";
import { fold, key, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { type BlockWiseOptions, blockWiseMaskAndBlocks } from "../src/index.ts";
import { chiSquareScore, largestScore } from "./two-samples.ts";

interface Histograms {
  counts: number[];
  blocks: number[];
  heights: number[];
  widths: number[];
  edges: number[];
  cells: number[];
}
interface Fixture {
  draws: number;
  cases: (Histograms & {
    options: Required<Pick<BlockWiseOptions, "rows" | "columns" | "count" | "minBlock" | "form">>;
  })[];
}
const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/histograms.json", import.meta.url), "utf8"));

const increment = (histogram: number[], bin: number) => {
  histogram[bin] = (histogram[bin] ?? 0) + 1;
};

function draw(options: BlockWiseOptions, draws: number): Histograms {
  const { rows, columns, count } = options;
  const zeros = (length: number) => new Array<number>(length).fill(0);
  const result = {
    counts: zeros(count + 1),
    blocks: zeros(1),
    heights: zeros(rows),
    widths: zeros(columns),
    edges: zeros(2 * rows * columns),
    cells: zeros(rows * columns),
  };
  for (let sample = 0; sample < draws; sample++) {
    const { mask, blocks } = blockWiseMaskAndBlocks(stream(fold(key(1), sample)), options);
    let [hidden, ragged] = [0, 0];
    mask.forEach((value, cell) => {
      hidden += value;
      if (value) increment(result.cells, cell);
      if ((cell + 1) % columns !== 0 && value !== mask[cell + 1]) ragged++;
      if (cell + columns < mask.length && value !== mask[cell + columns]) ragged++;
    });
    increment(result.counts, hidden);
    increment(result.edges, ragged);
    increment(result.blocks, blocks.length);
    for (const block of blocks) {
      increment(result.heights, block.height);
      increment(result.widths, block.width);
    }
  }
  return Object.assign(result, { blocks: Array.from(result.blocks, (n) => n ?? 0) });
}

describe.each(fixture.cases)("20,000 masks against Python's, $options", (expected) => {
  const ours = draw(expected.options, fixture.draws);

  it.each(["counts", "blocks", "heights", "widths", "edges"] as const)(
    "has the same distribution of %s (p > .001)",
    (name) => {
      expect(chiSquareScore(ours[name], expected[name])).toBeLessThan(3.09);
    },
  );

  it("hides each patch equally often (p > .001 over all patches together)", () => {
    // Bonferroni: .001 over at most 256 patches, two-sided, is a score of 4.76; fewer patches only make this stricter.
    expect(largestScore(ours.cells, expected.cells, fixture.draws)).toBeLessThan(4.76);
  });
});

describe("figures of the real generator", () => {
  const moments = (options: BlockWiseOptions) => {
    const { counts, blocks } = draw(options, 20_000);
    const mean = (histogram: number[]) => histogram.reduce((sum, n, value) => sum + n * value, 0) / 20_000;
    const average = mean(counts);
    const deviation = Math.sqrt(counts.reduce((sum, n, value) => sum + n * (value - average) ** 2, 0) / 19_999);
    return { average, deviation, full: (counts[options.count] as number) / 20_000, blocks: mean(blocks) };
  };

  it("14x14, 75, 16: mean 74.49, deviation .96, P(75) .669, 4.12 blocks", () => {
    const { average, deviation, full, blocks } = moments({ rows: 14, columns: 14, count: 75, minBlock: 16 });
    expect(Math.abs(average - 74.49)).toBeLessThan(0.032);
    expect(Math.abs(deviation - 0.96)).toBeLessThan(0.04);
    expect(Math.abs(full - 0.669)).toBeLessThan(0.0156);
    expect(Math.abs(blocks - 4.12)).toBeLessThan(0.03);
  });

  it("16x16, 98, 16: mean 97.44, P(98) .667", () => {
    const { average, full } = moments({ rows: 16, columns: 16, count: 98, minBlock: 16 });
    expect(Math.abs(average - 97.44)).toBeLessThan(0.034);
    expect(Math.abs(full - 0.667)).toBeLessThan(0.0156);
  });

  it("4x4, 6, 4: P(6) .996", () => {
    expect(Math.abs(moments({ rows: 4, columns: 4, count: 6, minBlock: 4 }).full - 0.996)).toBeLessThan(0.0022);
  });
});
