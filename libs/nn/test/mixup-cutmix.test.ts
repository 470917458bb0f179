import { random, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { betaCdf, isLikely, isOf } from "../../random/test/statistics.ts";
import { drawMixing, mixBatch, mixGroups, smoothedOneHot } from "../src/index.ts";
import { expectEqual, readFixture } from "./fixture.ts";

const fixture = readFixture("mixup");
const key = random.key(9n);

describe("mixup and cutmix", () => {
  it("agree with timm on given draws", () => {
    const result = mixGroups(
      {
        pictures: fixture("pictures") as tf.Tensor4D,
        targets: smoothedOneHot(fixture("labels") as tf.Tensor1D, 5, 0.1),
      },
      {
        cuts: tf.cast(fixture("cuts"), "bool"),
        share: fixture("share"),
        row: fixture("row"),
        column: fixture("column"),
      },
    );
    expectEqual(result.pictures, fixture("mixed"), "pictures");
    expectEqual(result.targets, fixture("targets"), "targets");
  });

  /** Pairs of a black and a white picture of two classes: the white share of a target tells what was drawn. */
  const pairs = (groups: number, size = 8) => ({
    pictures: tf.tile(tf.reshape(tf.tensor1d([0, 1]), [2, 1, 1, 1]), [groups, size, size, 1]) as tf.Tensor4D,
    targets: tf.tile(
      tf.tensor2d([
        [1, 0],
        [0, 1],
      ]),
      [groups, 1],
    ) as tf.Tensor2D,
  });

  it("draws mixup's share from Beta(alpha, alpha), apart for each group", () => {
    const groups = 4000;
    const { pictures, targets } = mixBatch(key, pairs(groups, 2), { mixup: 0.8, cutmix: 0, group: 2 });
    const shares = (targets.arraySync() as number[][]).filter((_, i) => i % 2 === 0).map(([own]) => own as number);
    const mean = shares.reduce((sum, share) => sum + share, 0) / groups;
    const variance = shares.reduce((sum, share) => sum + (share - 0.5) ** 2, 0) / groups;
    // Beta(.8, .8) has variance 1 / (4 (2 alpha + 1)); five standard errors.
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 10.4 / groups));
    expect(Math.abs(variance - 1 / 10.4)).toBeLessThan((5 * 0.08) / Math.sqrt(groups));
    // What a picture keeps of itself is what its target keeps.
    const black = tf.mean(tf.reshape(pictures, [groups, 2, -1]), 2).arraySync() as number[][];
    black.forEach(([first], i) => {
      expect(Math.abs(1 - (first as number) - (shares[i] as number))).toBeLessThan(1e-5);
    });
  });

  it("chooses cutmix half of the time where both are on, and its target is the area that was kept", () => {
    const groups = 2000;
    const { pictures, targets } = mixBatch(key, pairs(groups), { mixup: 0.8, cutmix: 1, group: 2 });
    const values = tf.reshape(pictures, [groups, 2, -1]).arraySync() as number[][][];
    const kept = targets.arraySync() as number[][];
    let cut = 0;
    values.forEach(([first], i) => {
      const mean = (first as number[]).reduce((sum, value) => sum + value, 0) / 64;
      expect(Math.abs(1 - mean - (kept[2 * i]?.[0] as number))).toBeLessThan(1e-5);
      if ((first as number[]).every((value) => value === 0 || value === 1)) cut++;
    });
    expect(Math.abs(cut / groups - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / groups));
  });

  const DRAWS = 20_000;
  const [height, width] = [24, 40];
  /** What is drawn for groups of pictures of that size. */
  const drawn = (groups: number, mixup: number, cutmix: number) => {
    const { cuts, share, row, column } = drawMixing(key, groups, { mixup, cutmix }, [height, width]);
    const read = (tensor: tf.Tensor) => Array.from(tensor.dataSync());
    return { cuts: read(cuts), share: read(share), row: read(row), column: read(column) };
  };
  const tally = (values: readonly number[], cells: number) => {
    const counts = new Array<number>(cells).fill(0);
    for (const value of values) counts[value] = (counts[value] as number) + 1;
    return counts;
  };

  it.each([
    ["mixup", 0.8, [0.8, 0]],
    ["mixup", 0.3, [0.3, 0]],
    ["cutmix", 1, [0, 1]],
    ["cutmix", 0.8, [0, 0.8]],
  ] as const)("draws %s's share from Beta(%d, same) (p > .001)", (_, alpha, [mixup, cutmix]) => {
    const { cuts, share } = drawn(DRAWS, mixup, cutmix);
    expect(new Set(cuts)).toEqual(new Set([cutmix > 0 ? 1 : 0]));
    expect(isOf(share, betaCdf(alpha, alpha))).toBe(true);
  });

  it("draws each share from its own Beta where both are on, each half of the time (p > .001)", () => {
    const { cuts, share } = drawn(2 * DRAWS, 0.8, 1);
    expect(isLikely(tally(cuts, 2))).toBe(true);
    expect(
      isOf(
        share.filter((_, at) => cuts[at] === 0),
        betaCdf(0.8, 0.8),
      ),
    ).toBe(true);
    expect(
      isOf(
        share.filter((_, at) => cuts[at] === 1),
        betaCdf(1, 1),
      ),
    ).toBe(true);
  });

  it("puts cutmix's box anywhere alike, whatever its size (p > .001)", () => {
    const { share, row, column } = drawn(DRAWS, 0, 1);
    expect(isLikely(tally(row, height))).toBe(true);
    expect(isLikely(tally(column, width))).toBe(true);
    // Shares of Beta(1, 1), rows and columns in quarters: one that followed from another would leave cells empty.
    const quarter = (value: number, of: number) => Math.min(3, Math.floor((4 * value) / of));
    const cells = share.map(
      (own, at) => 16 * quarter(own, 1) + 4 * quarter(row[at] as number, height) + quarter(column[at] as number, width),
    );
    expect(isLikely(tally(cells, 64))).toBe(true);
  });

  it("carries out what it draws", () => {
    const options = { mixup: 0.8, cutmix: 1 };
    const batch = pairs(50);
    const expected = mixGroups(batch, drawMixing(key, 50, options, [8, 8]));
    const mixed = mixBatch(key, batch, { ...options, group: 2 });
    expect(mixed.pictures.dataSync()).toEqual(expected.pictures.dataSync());
    expect(mixed.targets.dataSync()).toEqual(expected.targets.dataSync());
  });

  it("leaves the batch as it is when both are off, and refuses odd groups", () => {
    const batch = pairs(2);
    expect(mixBatch(key, batch, { mixup: 0, cutmix: 0 })).toBe(batch);
    expect(() => mixBatch(key, batch, { mixup: 1, cutmix: 0, group: 3 })).toThrow("groups of 3");
  });
});
