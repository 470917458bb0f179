import { readFileSync } from "node:fs";
import { fold, key, type Stream, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { replayed } from "../../random/test/replayed-stream.ts";
import { isLikely, isOf, normalCdf, uniformCdf } from "../../random/test/statistics.ts";
import { digest, noisePicture } from "../test/noise-picture.ts";
import { drawJitter } from "./colour-jitter.ts";
import { augment, drawRandAugment, fillOf, operationNames } from "./rand-augment.ts";
import { drawErasure } from "./random-erasing.ts";
import { randomResizedCrop } from "./random-resized-crop.ts";
import { drawWindow, makeView, type ViewOptions } from "./views.ts";

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8")) as T;

const DRAWS = 20_000;
const sample = <T>(name: string, draw: (draws: Stream) => T): T[] =>
  Array.from({ length: DRAWS }, (_, at) => draw(stream(fold(key(1), name, at))));
const tally = (values: readonly number[], cells: number): number[] => {
  const counts = new Array<number>(cells).fill(0);
  for (const value of values) counts[value] = (counts[value] as number) + 1;
  return counts;
};

describe("from given random numbers", () => {
  it("a crop's box is torchvision's", () => {
    const { crops } = read<{ crops: [number, number, number, number, number, number, number, number, number[]][] }>(
      "augmentation-draws",
    );
    expect(crops.length).toBe(180);
    for (const [height, width, least, most, top, left, rows, columns, uniforms] of crops) {
      const box = randomResizedCrop(replayed(uniforms), height, width, [least, most], [3 / 4, 4 / 3]);
      expect(box).toEqual({ top, left, height: rows, width: columns });
    }
  });

  it("jitter's values are torchvision's to 1e-6", () => {
    const { jitters } = read<{ jitters: [number[], (number | null)[], number[]][] }>("augmentation-draws");
    expect(jitters.length).toBe(40);
    for (const [[brightness = 0, contrast = 0, saturation = 0, hue = 0], expected, uniforms] of jitters) {
      const options = { brightness, contrast, saturation, hueDegrees: hue * 360, hue: "hsv" as const };
      const { values } = drawJitter(replayed(hue === 0 ? [...uniforms, 0.5] : uniforms), options);
      expect(values[3] === null).toBe(expected[3] === null);
      for (const [at, value] of values.entries())
        expect(Math.abs((value ?? 0) - (expected[at] ?? 0))).toBeLessThan(1e-6);
    }
  });

  it("an erased box is timm's", () => {
    type Case = [number, number, number, number, number, number, number[]];
    const { cases, probability } = read<{ cases: Case[]; probability: number }>("random-erasing");
    expect(cases.length).toBe(300);
    for (const [height, width, top, left, rows, columns, uniforms] of cases)
      expect(drawErasure(replayed(uniforms), height, width, probability)).toEqual({
        top,
        left,
        height: rows,
        width: columns,
      });
  });

  it("RandAugment's pictures are timm's, bit for bit", () => {
    const { runs, fill } = read<{ runs: [number[], string][]; fill: [number, number, number] }>("rand-augment");
    expect(runs.length).toBe(60);
    for (const [given, expected] of runs) {
      const picture = noisePicture(24, 31);
      const options = { operations: 2, magnitude: 9, deviation: 0.5 };
      for (const drawn of drawRandAugment(replayed(given), options)) augment(picture, drawn, fill);
      expect(digest(picture)).toBe(expected);
    }
  });
});

describe(`${DRAWS} draws`, () => {
  it("of crops: area, aspect, place and mirroring", () => {
    const side = 100_000;
    const options = { crop: { area: [0.08, 0.4], aspect: [3 / 4, 4 / 3], filter: "bicubic" }, flip: 0.5 } as const;
    const windows = sample("crop", (draws) =>
      drawWindow(draws, { height: side, width: side }, options as unknown as ViewOptions),
    );
    const boxes = windows.map(({ box }) => box);
    expect(
      isOf(
        boxes.map((box) => (box.height * box.width) / side ** 2),
        uniformCdf(0.08, 0.4),
      ),
    ).toBe(true);
    const logarithms = boxes.map(({ height, width }) => Math.log(width / height));
    expect(isOf(logarithms, uniformCdf(Math.log(3 / 4), Math.log(4 / 3)))).toBe(true);
    expect(
      isOf(
        boxes.map(({ top, height }) => top / (side - height)),
        uniformCdf(0, 1),
      ),
    ).toBe(true);
    expect(
      isOf(
        boxes.map(({ left, width }) => left / (side - width)),
        uniformCdf(0, 1),
      ),
    ).toBe(true);
    expect(
      isLikely(
        tally(
          windows.map(({ mirror }) => Number(mirror)),
          2,
        ),
      ),
    ).toBe(true);
  });

  it("of MoCo v3's views: how often each change is made", () => {
    const picture = { data: new Uint8Array(4 * 4 * 3), height: 4, width: 4 };
    for (let at = 0; at < 16; at++) picture.data.set([200 - 150 * (at % 2), 100, 40], at * 3);
    const plain = { crop: { area: [1, 1], aspect: [1, 1], filter: "bilinear" }, flip: 0 } as const;
    const often = (name: string, view: 0 | 1, options: Partial<ViewOptions>) => {
      const out = new Uint8Array(48);
      const changed = Array.from({ length: DRAWS }, (_, at) => {
        makeView(fold(key(1), name, at), picture, { ...plain, ...options } as unknown as ViewOptions, view, out, 4);
        return Number(Buffer.compare(out, picture.data) !== 0);
      });
      return tally(changed, 2);
    };
    expect(isLikely(often("grey", 0, { grey: 0.2 }), [0.8, 0.2])).toBe(true);
    const jitter = { p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hueDegrees: 36, hue: "hsv" as const };
    // hardly any factors are so near to 1 that nothing changes
    expect(isLikely(often("jitter", 0, { jitter }), [0.2, 0.8])).toBe(true);
    const blur = { sigma: [1, 2] as [number, number], p: [1, 0.1] as [number, number] };
    expect(often("blur", 0, { blur })).toEqual([0, DRAWS]);
    expect(isLikely(often("blur", 1, { blur }), [0.9, 0.1])).toBe(true);
    const solarize = { threshold: 0.5, p: [0, 0.2] as [number, number] };
    expect(often("solarize", 0, { solarize })).toEqual([DRAWS, 0]);
    expect(isLikely(often("solarize", 1, { solarize }), [0.8, 0.2])).toBe(true);
  });

  it("of jitter: factors are uniform, orders equally frequent", () => {
    const drawn = sample("jitter", (draws) =>
      drawJitter(draws, { brightness: 0.4, contrast: 0.4, saturation: 0.2, hueDegrees: 36, hue: "hsv" as const }),
    );
    const laws = [uniformCdf(0.6, 1.4), uniformCdf(0.6, 1.4), uniformCdf(0.8, 1.2), uniformCdf(-0.1, 0.1)];
    for (const [at, law] of laws.entries())
      expect(
        isOf(
          drawn.map(({ values }) => values[at] as number),
          law,
        ),
      ).toBe(true);
    const orders = new Map<string, number>();
    for (const { order } of drawn) orders.set(order.join(), (orders.get(order.join()) ?? 0) + 1);
    expect(orders.size).toBe(24);
    expect(isLikely([...orders.values()])).toBe(true);
  });

  it("of RandAugment: operations, how many are carried out, levels and signs", () => {
    const pairs = sample("rand", (draws) => drawRandAugment(draws, { operations: 2, magnitude: 9, deviation: 0.5 }));
    expect(
      isLikely(
        tally(
          pairs.map((pair) => pair.length),
          3,
        ),
        [0.25, 0.5, 0.25],
      ),
    ).toBe(true);
    const drawn = pairs.flat();
    expect(
      isLikely(
        tally(
          drawn.map(({ operation }) => operationNames.indexOf(operation)),
          15,
        ),
      ),
    ).toBe(true);
    expect(
      isLikely(
        tally(
          drawn.map(({ sign }) => Number(sign > 0)),
          2,
        ),
      ),
    ).toBe(true);
    // normal below 10, where the rest is gathered
    const above = 1 - normalCdf(2);
    expect(
      isLikely(
        tally(
          drawn.map(({ level }) => Number(level === 10)),
          2,
        ),
        [1 - above, above],
      ),
    ).toBe(true);
    const below = drawn.filter(({ level }) => level < 10).map(({ level }) => level);
    expect(isOf(below, (level) => normalCdf((level - 9) / 0.5) / (1 - above))).toBe(true);
    // both operations of a picture are independent
    const both = pairs.filter(({ length }) => length === 2);
    const same = both.filter(([first, second]) => first?.operation === second?.operation).length;
    expect(isLikely([same, both.length - same], [1 / 15, 14 / 15])).toBe(true);
  });

  it("of erasing: how often, area, aspect and place", () => {
    const side = 100_000;
    const boxes = sample("erase", (draws) => drawErasure(draws, side, side, 0.25));
    const erased = boxes.filter(({ height }) => height > 0);
    expect(isLikely([erased.length, DRAWS - erased.length], [0.25, 0.75])).toBe(true);
    // all of these boxes fit: no side is longer than sqrt(.2 / .3) of the picture's
    const all = sample("erase all", (draws) => drawErasure(draws, side, side, 1));
    const small = all.filter(({ height, width }) => height * width < 0.2 * side ** 2);
    expect(
      isOf(
        small.map(({ height, width }) => (height * width) / side ** 2),
        uniformCdf(0.02, 0.2),
      ),
    ).toBe(true);
    const logarithms = small.map(({ height, width }) => Math.log(height / width));
    expect(isOf(logarithms, uniformCdf(Math.log(0.3), -Math.log(0.3)))).toBe(true);
    expect(
      isOf(
        small.map(({ top, height }) => top / (side - height)),
        uniformCdf(0, 1),
      ),
    ).toBe(true);
    expect(
      isOf(
        small.map(({ left, width }) => left / (side - width)),
        uniformCdf(0, 1),
      ),
    ).toBe(true);
  });
});

describe("fillOf", () => {
  it("rounds as Python does", () => {
    expect(fillOf([0.485, 0.456, 0.406])).toEqual([124, 116, 104]);
    expect(fillOf([0.5, 0.5, 0.5])).toEqual([128, 128, 128]);
    expect(fillOf([1, 1, 0])).toEqual([255, 255, 0]);
  });
});
