import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { kMeans } from "./kmeans.ts";

describe("kMeans", () => {
  const reference = readFixture("codebook");
  const points = reference("latents") as tf.Tensor2D;
  const start = tf.gather(points, reference("draws") as tf.Tensor1D);

  it("gives NumPy's centres after ten rounds", () => {
    expectEqual(kMeans(points, start, 10), reference("centres"));
  });

  it("leaves the first centres alone with no rounds, and a centre without points where it is", () => {
    expectEqual(kMeans(points, start, 0), start, 0);
    const far = tf.concat2d([start, tf.fill([1, points.shape[1]], 1e3)], 0);
    expect(tf.slice(kMeans(points, far, 3), 12).arraySync()).toEqual([Array(5).fill(1000)]);
  });

  it("never raises the mean squared distance", () => {
    const distance = (rounds: number) => {
      const centres = kMeans(points, start, rounds);
      const all = tf.squaredDifference(tf.expandDims(points, 1), tf.expandDims(centres, 0));
      return tf.mean(tf.min(tf.sum(all, 2), 1)).dataSync()[0] as number;
    };
    const distances = Array.from({ length: 6 }, (_, rounds) => distance(rounds));
    for (let i = 1; i < distances.length; i++)
      expect(distances[i]).toBeLessThanOrEqual((distances[i - 1] as number) + 1e-6);
    expect(distances[5]).toBeLessThan(distances[0] as number);
  });
});
