import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { digest, noisePicture } from "../test/noise-picture.ts";
import type { Fill } from "./affine.ts";
import type { Picture } from "./picture.ts";
import { augment, type OperationName, operationNames } from "./rand-augment.ts";

type Case = ["noise" | "smooth", height: number, width: number, OperationName, level: number, sign: 1 | -1, string];
const fixture = JSON.parse(readFileSync(new URL("../fixtures/rand-augment.json", import.meta.url), "utf8")) as {
  fill: Fill;
  cases: Case[];
};

const pictures = {
  noise: noisePicture,
  smooth: (height: number, width: number): Picture => {
    const noise = noisePicture(height, width);
    return { ...noise, data: noise.data.map((value) => Math.floor(value / 6) + 90) };
  },
};

describe("RandAugment's operations", () => {
  it.each(operationNames)("%s is timm's, bit for bit", (name) => {
    const own = fixture.cases.filter(([, , , operation]) => operation === name);
    expect(own.length).toBeGreaterThan(90);
    const different = own.filter(([kind, height, width, operation, level, sign, expected]) => {
      const picture = pictures[kind](height, width);
      augment(picture, { operation, level, sign }, fixture.fill);
      return digest(picture) !== expected;
    });
    expect(different).toEqual([]);
  });
});
