import { readFileSync } from "node:fs";
import { fold, key, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { digest, noisePicture } from "../test/noise-picture.ts";
import * as colour from "./colour.ts";
import { gaussianBlur } from "./gaussian-blur.ts";
import type { Picture } from "./picture.ts";
import { centralBox, randomResizedCrop } from "./random-resized-crop.ts";

type Case = [height: number, width: number, operation: string, arguments: number[], sha256: string];
const { cases } = JSON.parse(readFileSync(new URL("../fixtures/augmentation.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

const operations: Record<string, (picture: Picture, value: number) => void> = {
  brightness: ({ data }, factor) => colour.brightness(data, factor),
  contrast: ({ data }, factor) => colour.contrast(data, factor),
  saturation: ({ data }, factor) => colour.saturation(data, factor),
  hue: ({ data }, turn) => colour.hue(data, turn),
  grey: ({ data }) => colour.grey(data),
  solarize: ({ data }, threshold) => colour.solarize(data, threshold),
  blur: gaussianBlur,
};

describe("colours and blur", () => {
  it.each(Object.keys(operations))("%s is Pillow's, bit for bit", (name) => {
    const own = cases.filter(([, , operation]) => operation === name);
    expect(own.length).toBeGreaterThan(0);
    const different = own.filter(([height, width, , [value = 0], expected]) => {
      const picture = noisePicture(height, width);
      operations[name]?.(picture, value);
      return digest(picture) !== expected;
    });
    expect(different).toEqual([]);
  });
});

describe("randomResizedCrop", () => {
  it("lies inside, with area and aspect near what was asked", () => {
    const draws = stream(key(1));
    for (let sample = 0; sample < 2000; sample++) {
      const { top, left, height, width } = randomResizedCrop(draws, 32, 32, [0.4, 1], [3 / 4, 4 / 3]);
      expect(top >= 0 && left >= 0 && top + height <= 32 && left + width <= 32).toBe(true);
      expect(height * width).toBeGreaterThan(0.4 * 1024 - 33);
      expect(width / height).toBeGreaterThan(0.7);
      expect(width / height).toBeLessThan(1.43);
    }
  });

  it("draws areas uniformly where all fit", () => {
    const areas = Array.from({ length: 4000 }, (_, sample) => {
      const { height, width } = randomResizedCrop(stream(fold(key(2), sample)), 512, 512, [0.1, 0.5], [3 / 4, 4 / 3]);
      return (height * width) / 512 ** 2;
    }).sort((a, b) => a - b);
    const kolmogorov = Math.max(
      ...areas.map((area, rank) => Math.abs((area - 0.1) / 0.4 - (rank + 0.5) / areas.length)),
    );
    expect(kolmogorov).toBeLessThan(1.95 / Math.sqrt(4000)); // .1 %
  });

  it("falls back to the largest central box when none fits", () => {
    expect(randomResizedCrop(stream(key(0)), 10, 40, [1, 1], [1, 2])).toEqual({
      top: 0,
      left: 10,
      height: 10,
      width: 20,
    });
    expect(centralBox(40, 10, [0.5, 1])).toEqual({ top: 10, left: 0, height: 20, width: 10 });
    expect(centralBox(32, 32, [3 / 4, 4 / 3])).toEqual({ top: 0, left: 0, height: 32, width: 32 });
  });
});
