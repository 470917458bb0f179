import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { replayed } from "../../random/test/replayed-stream.ts";
import { type BlockWiseOptions, blockWiseMaskAndBlocks } from "../src/index.ts";

interface Fixture {
  /** What the uniform numbers are multiples of. */
  unit: number;
  cases: {
    options: BlockWiseOptions;
    /** Blocks are top, left, height and width; masks a digit for each patch. */
    replays: { uniforms: number[]; blocks: [number, number, number, number][]; mask: string }[];
  }[];
}
const { unit, cases }: Fixture = JSON.parse(readFileSync(new URL("../fixtures/replay.json", import.meta.url), "utf8"));

it.each(cases)("from BEiT's random numbers, its masks, block by block: $options", ({ options, replays }) => {
  expect(replays.length).toBe(20);
  for (const { uniforms, blocks, mask } of replays) {
    const given = uniforms.map((value) => value * unit);
    const ours = blockWiseMaskAndBlocks(replayed(given), options);
    expect(ours.blocks.map(({ top, left, height, width }) => [top, left, height, width])).toEqual(blocks);
    expect(ours.mask.join("")).toBe(mask);
    // All of them were needed: trying less often at the end would leave some.
    expect(() => blockWiseMaskAndBlocks(replayed(given.slice(0, -1)), options)).toThrow("given random numbers");
  }
});
