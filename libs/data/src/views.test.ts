import { key, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { empty, noisePicture } from "../test/noise-picture.ts";
import * as colour from "./colour.ts";
import { applyJitter, drawJitter } from "./colour-jitter.ts";
import { gaussianBlur } from "./gaussian-blur.ts";
import { augment, drawRandAugment } from "./rand-augment.ts";
import { resizeBox } from "./resize.ts";
import { drawWindow, makeView, makeViewPair, type ViewOptions, viewOptions } from "./views.ts";

const crop = { area: [0.2, 1], aspect: [3 / 4, 4 / 3], filter: "bicubic" } as const;
const jitter = { p: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hueDegrees: 0, hue: "hsv" as const };
const options = (given: Partial<ViewOptions>): ViewOptions =>
  viewOptions.parse({ crop: { ...crop }, flip: 0.5, ...given });

describe("makeViewPair", () => {
  it("changes the colours of the whole picture, then cuts one window out of it for both views, by a filter each", () => {
    const picture = noisePicture(40, 33);
    const before = picture.data.slice();
    for (let seed = 0; seed < 20; seed++) {
      const used = options({ jitter, tokenizerFilter: "lanczos" });
      const [first, second] = [empty(24, 24), empty(16, 16)];
      makeViewPair(key(seed), picture, used, { out: first.data, size: 24 }, { out: second.data, size: 16 });

      const draws = stream(key(seed));
      const { box, mirror } = drawWindow(draws, picture, used);
      expect(draws.bernoulli(1)).toBe(true);
      const whole = { ...picture, data: picture.data.slice() };
      applyJitter(whole.data, drawJitter(draws, jitter));
      const [expectedFirst, expectedSecond] = [empty(24, 24), empty(16, 16)];
      resizeBox(whole, box, expectedFirst, "bicubic", mirror);
      resizeBox(whole, box, expectedSecond, "lanczos", mirror);
      expect(first).toEqual(expectedFirst);
      expect(second).toEqual(expectedSecond);
    }
    expect(picture.data).toEqual(before);
  });
});

describe("makeView", () => {
  it("crops, mirrors, changes colours, takes them away, blurs and inverts in MoCo v3's order", () => {
    const picture = noisePicture(40, 33);
    const used = options({
      jitter: { ...jitter, hueDegrees: 36 },
      grey: 1,
      blur: { sigma: [0.1, 2], p: [1, 0] },
      solarize: { threshold: 0.5, p: [0, 1] },
    });
    for (const view of [0, 1] as const) {
      const made = empty(24, 24);
      makeView(key(3), picture, used, view, made.data, 24);

      const draws = stream(key(3));
      const { box, mirror } = drawWindow(draws, picture, used);
      const expected = empty(24, 24);
      resizeBox(picture, box, expected, "bicubic", mirror);
      draws.uniform();
      applyJitter(expected.data, drawJitter(draws, { ...jitter, hueDegrees: 36 }));
      draws.uniform();
      colour.grey(expected.data);
      draws.uniform();
      if (view === 0) gaussianBlur(expected, draws.uniform(0.1, 2));
      if (view === 1) colour.solarize(expected.data, 128);
      expect(made).toEqual(expected);
    }
  });

  it("goes through RandAugment after crop and mirroring", () => {
    const picture = noisePicture(40, 33);
    const randAugment = {
      operations: 2,
      magnitude: 9,
      deviation: 0.5,
      fill: [124, 116, 104] as [number, number, number],
    };
    let changed = 0;
    for (let seed = 0; seed < 20; seed++) {
      const [made, expected] = [empty(24, 24), empty(24, 24)];
      makeView(key(seed), picture, options({ randAugment }), 0, made.data, 24);

      const draws = stream(key(seed));
      const { box, mirror } = drawWindow(draws, picture, options({}));
      resizeBox(picture, box, expected, "bicubic", mirror);
      const drawn = drawRandAugment(draws, randAugment);
      changed += drawn.length;
      for (const operation of drawn) augment(expected, operation, randAugment.fill);
      expect(made).toEqual(expected);
    }
    expect(changed).toBeGreaterThan(5);
  });
});
