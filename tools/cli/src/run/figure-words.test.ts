import { expect, it } from "vitest";
import { figureLines } from "./figure-words.ts";

it("names an evaluation's figures in words, the result first, and keeps a name that it does not know", () => {
  const figures = {
    images: { mean: 128, deviation: 0 },
    novel: { mean: 0.12345, deviation: null },
    psnr: { mean: 12.5, deviation: null },
    top1Pretrained: { mean: 0.4321, deviation: 0.0123 },
  };
  expect(figureLines(figures).map((line) => line.replace(/ {2,}/, "  "))).toEqual([
    "top-1, pre-trained  43.2 % ± 1.2 %",
    "PSNR of reconstructions, in dB  12.50",
    "test pictures  128 ± 0",
    "novel  0.1235",
  ]);
});
