import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as metrics from "../src/index.ts";

interface Fixture {
  pictures: {
    name: string;
    shape: [number, number, number];
    first: string;
    second: string;
    psnr: number;
    gaussian: number;
    uniform: number;
  }[];
  classification: {
    classes: number;
    labels: number[];
    scores: number[];
    hits: number[];
    confusion: number[];
    accuracy: number;
    balanced: number;
  };
  statistics: {
    values: number[];
    mean: number;
    deviation: number;
    tokens: number[];
    histogram: number[];
    entropy: number;
    usage: number;
    perplexity: number;
  };
}
const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/metrics.json", import.meta.url), "utf8"));
const near = (value: number, reference: number) =>
  expect(Math.abs(value - reference)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(reference)));

describe.each(fixture.pictures)(
  "against scikit-image, $name",
  ({ shape: [height, width, channels], first, second, ...expected }) => {
    const [a, b] = [Buffer.from(first, "base64"), Buffer.from(second, "base64")];

    it("PSNR", () => near(metrics.psnr(a, b), expected.psnr));

    it.each(["gaussian", "uniform"] as const)("SSIM, %s window", (window) => {
      near(metrics.ssim(a, b, { height, width, channels, window }), expected[window]);
    });
  },
);

describe("against NumPy", () => {
  const { classes, labels, scores, ...expected } = fixture.classification;

  it("top-k for every k, with ties", () => {
    expect(expected.hits.map((_, i) => metrics.topKHits(scores, labels, classes, i + 1))).toEqual(expected.hits);
  });

  it("confusion, accuracy and balanced accuracy", () => {
    const confusion = metrics.confusionMatrix(labels, metrics.bestClasses(scores, classes), classes);
    expect([...confusion]).toEqual(expected.confusion);
    near(metrics.accuracy(confusion, classes), expected.accuracy);
    near(metrics.balancedAccuracy(confusion, classes), expected.balanced);
  });

  it("mean, deviation, entropy, usage and perplexity", () => {
    const { values, tokens, histogram, ...statistics } = fixture.statistics;
    near(metrics.mean(values), statistics.mean);
    near(metrics.sampleDeviation(values), statistics.deviation);
    expect([...metrics.codeHistogram(tokens, histogram.length)]).toEqual(histogram);
    near(metrics.entropy(histogram), statistics.entropy);
    const { usage, perplexity } = metrics.codebookUse(histogram);
    near(usage, statistics.usage);
    near(perplexity, statistics.perplexity);
  });
});
