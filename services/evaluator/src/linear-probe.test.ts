import { readFileSync } from "node:fs";
import { tf } from "tfjs-libtensorflow";
import { afterAll, describe, expect, it } from "vitest";
import { ProbeFitter } from "./linear-probe.ts";

interface Fixture {
  classes: number;
  width: number;
  weightDecay: number;
  train: number[];
  labels: number[];
  test: number[];
  scores: number[];
}
const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/linear-probe.json", import.meta.url), "utf8"));
const { classes, width, weightDecay, test, scores: expected } = fixture;
const train = { features: Float32Array.from(fixture.train), labels: Int32Array.from(fixture.labels) };

describe("a linear probe", () => {
  const fitter = new ProbeFitter(classes, weightDecay, "graph");
  afterAll(() => fitter.dispose());

  it("gives the scores of SciPy's float64 solution", async () => {
    const probe = await fitter.fit(train, width);
    const scores = probe.scores(Float32Array.from(test));
    const largest = Math.max(...expected.map(Math.abs));
    // The scores follow from a minimum that float32 can only see to about the square root of its precision.
    for (const [i, score] of scores.entries())
      expect(Math.abs(score - (expected[i] as number))).toBeLessThan(2e-3 * largest);
    expect(probe.iterations).toBeLessThan(60);
  });

  it("gives the same bits again, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const [first, second] = [await fitter.fit(train, width), await fitter.fit(train, width)];
    expect(first.scores(train.features)).toEqual(second.scores(train.features));
    expect(tf.memory().numTensors).toBe(before);
  });
});
