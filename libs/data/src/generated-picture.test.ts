import { readFileSync } from "node:fs";
import { fold, key } from "@peco/random";
import { describe, expect, it } from "vitest";
import { type Draws, drawPicture, generatedClasses, generatedPicture, sharedChroma } from "./generated-picture.ts";

const { pictures } = JSON.parse(
  readFileSync(new URL("../fixtures/generated-pictures.json", import.meta.url), "utf8"),
) as { pictures: { label: number; draws: string; pixels: string; mask: string }[] };
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

/** Random numbers that were written down. */
function replay(taken: Float32Array): Draws & { left(): number } {
  let next = 0;
  const number = () => taken[next++] ?? Number.NaN;
  return {
    uniform: (low = 0, high = 1) => low + (high - low) * number(),
    normal: (mean = 0, deviation = 1) => mean + deviation * number(),
    integer: (low, high) => low + Math.floor(number() * (high - low + 1)),
    bernoulli: (probability) => number() < probability,
    left: () => taken.length - next,
  };
}

describe("a generated picture", () => {
  it.each(pictures)(
    "of class $label is the one that NumPy makes of the same draws",
    ({ label, draws, pixels, mask }) => {
      const taken = replay(new Float32Array(bytes(draws).buffer));
      const made = drawPicture(taken, 32);
      expect(taken.left()).toBe(0);
      expect(made.label).toBe(label);
      const expected = bytes(pixels);
      const differences = Array.from(made.pixels, (value, at) => Math.abs(value - (expected[at] as number)));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1); // a value at .5 may be rounded either way
      expect(differences.filter((difference) => difference > 0).length).toBeLessThan(5);
      expect(made.mask).toEqual(bytes(mask));
    },
  );

  it("follows from its key, and has all classes alike", () => {
    const counts = new Array<number>(16).fill(0);
    for (let at = 0; at < 800; at++) {
      const { label } = generatedPicture(fold(key(1), at), 8);
      counts[label] = (counts[label] as number) + 1;
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 50) ** 2 / 50, 0);
    expect(chiSquare).toBeLessThan(37.7); // .1 % at 15 degrees of freedom
    expect(generatedClasses[6]).toBe("square-checker");
    expect(generatedPicture(key(3), 32)).toEqual(generatedPicture(key(3), 32));
    expect(generatedPicture(key(3), 32)).not.toEqual(generatedPicture(key(4), 32));
  });

  it("has a box that just holds its mask", () => {
    for (let at = 0; at < 50; at++) {
      const { mask, box } = generatedPicture(key(at), 32);
      const [left, top, right, bottom] = box;
      const places = [...mask.keys()].filter((place) => mask[place] === 1);
      const [xs, ys] = [places.map((place) => place % 32), places.map((place) => Math.floor(place / 32))];
      expect([Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1]).toEqual([
        left,
        top,
        right,
        bottom,
      ]);
    }
  });

  it("has one chroma and the coloured picture's luminance where colour is no nuisance", () => {
    let compared = 0;
    for (let at = 0; at < 40; at++) {
      const [coloured, plain] = [generatedPicture(key(at), 32), generatedPicture(key(at), 32, false)];
      expect([plain.label, plain.mask, plain.box]).toEqual([coloured.label, coloured.mask, coloured.box]);
      for (let pixel = 0; pixel < 32 * 32; pixel++) {
        const [a, b] = [coloured, plain].map(({ pixels }) => [...pixels.subarray(pixel * 3, pixel * 3 + 3)]);
        const isCut = [...(a as number[]), ...(b as number[])].some((value) => value === 0 || value === 255);
        if (isCut) continue;
        compared++;
        const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / 3;
        const grey = mean(b as number[]);
        if (Math.abs(grey - mean(a as number[])) > 1)
          throw new Error(`pixel ${pixel} of picture ${at}: another luminance`);
        for (const [channel, value] of (b as number[]).entries())
          if (Math.abs(value - grey - 255 * (sharedChroma[channel] as number)) > 1)
            throw new Error(`pixel ${pixel} of picture ${at}: another chroma`);
      }
    }
    expect(compared).toBeGreaterThan(20_000);
  });

  it("is the same picture at another resolution", () => {
    const [small, large] = [generatedPicture(key(5), 32), generatedPicture(key(5), 64)];
    expect(large.label).toBe(small.label);
    const half = small.mask.map((_, at) => large.mask[2 * Math.floor(at / 32) * 64 + 2 * (at % 32)] as number);
    const differing = half.filter((value, at) => value !== small.mask[at]).length;
    expect(differing).toBeLessThan(60);
  });
});
