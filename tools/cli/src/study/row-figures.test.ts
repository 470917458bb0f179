import { type Evaluation, evaluation } from "@peco/report";
import { expect, test } from "vitest";
import { type Arm, arms } from "./arms.ts";
import { otherFigures, rowFigures } from "./row-figures.ts";

const votes = (network: string, output: string, results: [number, number, number][]) => ({
  ...{ network, output, pictures: 64, neighbours: 5, top1: 0 },
  results: results.map(([neighbours, validation, test]) => ({ neighbours, validation, test })),
});
const probe = (network: string, blocks: [number, number][]) => ({
  ...{ network, method: "lbfgs", block: 1, top1: 0 },
  blocks: blocks.map(([validation, test], i) => ({ block: i + 1, validation, test, best: null })),
});
const network = (top1: number, validation: number) => ({
  ...{ top1, top5: 1, balanced: top1, validation },
  best: { step: 1, validation: 1 },
  average: null,
});
const classifier = (name: string, networks: object[]) => ({
  ...{ name, start: name === "pretrained" ? "pretrained" : "random", lr: 0.002, networks, averageMean: null },
  rates: [{ lr: 0.002, validation: [0.5] }],
  mean: { top1: 0.4, top5: 1, balanced: 0.4 },
  confusion: [1, 0, 0, 1],
});
const measured: Evaluation = evaluation.parse({
  ...{ format: 2, pictures: 100, size: 32, withoutClasses: null, reconstruction: null, triples: null },
  classification: {
    classes: ["a", "b"],
    chance: { commonest: 0.6, even: 0.5 },
    labels: { train: 64, validation: 32, test: 100 },
    arms: [
      classifier("pretrained", [network(0.3, 0.5), network(0.5, 0.6)]),
      classifier("from-scratch", [network(0.4, 0.2)]),
    ],
    probeLabels: 64,
    probes: [
      probe("random", [[0.99, 0.99]]),
      probe("pretrained", [
        [0.5, 0.9],
        [0.7, 0.6],
        [0.6, 0.8],
      ]),
    ],
    nearestNeighbours: [
      votes("random", "class-token", [[5, 0.99, 0.99]]),
      votes("pretrained", "class-token", [
        [5, 0.2, 0.9],
        [10, 0.3, 0.8],
      ]),
      votes("pretrained", "patch-mean", [
        [5, 0.4, 0.7],
        [10, 0.5, 0.4],
      ]),
    ],
    codeWords: [{ representation: "bag", pooled: false, validation: 0.25, test: 0.2 }],
  },
  codebook: { size: 4, tokens: 100, usage: 1, perplexity: 4, bits: 2, histogram: [25, 25, 25, 25] },
  maskedTokens: { masked: 10, accuracy: 0.1, loss: 2 },
  samples: { grid: 4, list: [] },
});
const named = (name: string) => arms.find((arm) => arm.name === name) as Arm;

test("validation chooses the probe's block, the output and the number of neighbours", () => {
  const found = rowFigures(named("peco"), measured, true);
  expect(found?.figures).toEqual({
    ...{ top1: 0.4, top5: 1, balanced: 0.4, probe: 0.6, neighbours: 0.4, bag: 0.2 },
    ...{ usage: 1, perplexity: 4, bits: 2, maskedAccuracy: 0.1 },
  });
  expect(found?.validation).toEqual({ top1: 0.55, probe: 0.7, neighbours: 0.5, bag: 0.25 });
  expect(found?.networks).toEqual([0.3, 0.5]);
});

test("a classifier from fresh weights, and every further budget, have the classifier's figures alone", () => {
  expect(rowFigures(named("scratch"), measured, true)?.validation).toEqual({ top1: 0.2 });
  const further = rowFigures(named("peco"), measured, false);
  expect(Object.keys(further?.figures ?? {})).toEqual(["top1", "top5", "balanced"]);
  expect(Object.keys(further?.validation ?? {})).toEqual(["top1"]);
});

test("the other test pictures give the classifier and, at the first budget, the probe", () => {
  expect(otherFigures(named("peco"), measured, true)).toEqual({ otherTop1: 0.4, otherBalanced: 0.4, otherProbe: 0.6 });
  expect(otherFigures(named("peco"), measured, false)).toEqual({ otherTop1: 0.4, otherBalanced: 0.4 });
  expect(otherFigures(named("scratch"), measured, true)).toEqual({ otherTop1: 0.4, otherBalanced: 0.4 });
});

test("an evaluation without classes gives no row", () => {
  expect(rowFigures(named("peco"), { ...measured, classification: null }, true)).toBeNull();
});
