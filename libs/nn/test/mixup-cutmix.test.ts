import { random, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { mixBatch, mixGroups, smoothedOneHot } from "../src/index.ts";
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

  it("leaves the batch as it is when both are off, and refuses odd groups", () => {
    const batch = pairs(2);
    expect(mixBatch(key, batch, { mixup: 0, cutmix: 0 })).toBe(batch);
    expect(() => mixBatch(key, batch, { mixup: 1, cutmix: 0, group: 3 })).toThrow("groups of 3");
  });
});
