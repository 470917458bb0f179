import { type Affine, type Fill, transformAffine } from "./affine.ts";
import { blend, brightness, contrast, lookUp, saturation, solarize } from "./colour.ts";
import type { Picture } from "./picture.ts";

/** Changes a picture in place, by a level from 0 to 10 and, where it has two directions, a sign. */
export type Operation = (picture: Picture, level: number, sign: 1 | -1, fill: Fill) => void;

const perform = (from: (level: number, sign: 1 | -1, picture: Picture) => Affine): Operation =>
  function affine(picture, level, sign, fill) {
    picture.data.set(transformAffine(picture, from(level, sign, picture), fill));
  };

/** A factor of timm's "increasing" enhancements: 1 changes nothing. */
const factorOf = (level: number, sign: number): number => Math.max(0.1, 1 + sign * ((level / 10) * 0.9));

/**
 * timm's 15 operations whose strength increases with the level (`_RAND_INCREASING_TRANSFORMS` of `timm/data/auto_augment.py`, version
 * 1.0), in their order; pictures are Pillow's, bit for bit.
 */
export const operations = {
  autoContrast: ({ data }) => perChannel(data, stretched),
  equalize: ({ data }) => perChannel(data, equalized),
  invert: ({ data }) => lookUp(data, (value) => 255 - value),
  rotate,
  posterize({ data }, level) {
    // No bit is left at level 10: black, where Pillow 13 refuses and earlier ones did the same.
    const bits = 4 - Math.trunc((level / 10) * 4);
    lookUp(data, (value) => value & -(2 ** (8 - bits)));
  },
  solarize: ({ data }, level) => solarize(data, 256 - Math.trunc((level / 10) * 256)),
  solarizeAdd({ data }, level) {
    const added = Math.trunc((level / 10) * 110);
    lookUp(data, (value) => (value < 128 ? Math.min(255, value + added) : value));
  },
  color: ({ data }, level, sign) => saturation(data, factorOf(level, sign)),
  contrast: ({ data }, level, sign) => contrast(data, factorOf(level, sign)),
  brightness: ({ data }, level, sign) => brightness(data, factorOf(level, sign)),
  sharpness: (picture, level, sign) => sharpness(picture, factorOf(level, sign)),
  shearX: perform((level, sign) => [1, sign * ((level / 10) * 0.3), 0, 0, 1, 0]),
  shearY: perform((level, sign) => [1, 0, 0, sign * ((level / 10) * 0.3), 1, 0]),
  translateX: perform((level, sign, { width }) => [1, 0, sign * ((level / 10) * 0.45) * width, 0, 1, 0]),
  translateY: perform((level, sign, { height }) => [1, 0, 0, 0, 1, sign * ((level / 10) * 0.45) * height]),
} satisfies Record<string, Operation>;

/** `Image.rotate` about the middle, counter-clockwise, 30 degrees at level 10. */
function rotate(picture: Picture, level: number, sign: 1 | -1, fill: Fill): void {
  const degrees = sign * ((level / 10) * 30);
  if (degrees === 0) return;
  const angle = -(degrees < 0 ? degrees + 360 : degrees) * (Math.PI / 180);
  const to15 = (value: number) => Number(value.toFixed(15));
  const [cosine, sine, minusSine] = [to15(Math.cos(angle)), to15(Math.sin(angle)), to15(-Math.sin(angle))];
  const [x, y] = [picture.width / 2, picture.height / 2];
  const map: Affine = [cosine, sine, cosine * -x + sine * -y + x, minusSine, cosine, minusSine * -x + cosine * -y + y];
  picture.data.set(transformAffine(picture, map, fill));
}

/** Replaces each channel's values by a table that is made of its histogram; null: leaves it. */
function perChannel(data: Uint8Array, make: (histogram: Uint32Array) => Uint8ClampedArray | null): void {
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256);
    for (let at = channel; at < data.length; at += 3) (histogram[data[at] as number] as number)++;
    const table = make(histogram);
    if (table === null) continue;
    for (let at = channel; at < data.length; at += 3) data[at] = table[data[at] as number] as number;
  }
}

/** `ImageOps.autocontrast`: the lowest value becomes 0, the highest 255. */
function stretched(histogram: Uint32Array): Uint8ClampedArray | null {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  if (high <= low) return null;
  const scale = 255 / (high - low);
  const offset = -low * scale;
  return Uint8ClampedArray.from(histogram, (_, value) => Math.trunc(value * scale + offset));
}

/** `ImageOps.equalize`: all values become about equally frequent. */
function equalized(histogram: Uint32Array): Uint8ClampedArray | null {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const last = histogram.findLast((count) => count > 0) ?? 0;
  const step = Math.floor((total - last) / 255);
  if (step === 0) return null;
  let below = Math.floor(step / 2);
  return Uint8ClampedArray.from(histogram, (count) => {
    const value = Math.floor(below / step);
    below += count;
    return value;
  });
}

/** `ImageEnhance.Sharpness`: away from (factor above 1) or towards the picture smoothed by its eight neighbours; the border stays. */
function sharpness({ data, height, width }: Picture, factor: number): void {
  const share = Math.fround(factor);
  const stride = width * 3;
  const source = Uint8Array.from(data);
  for (let row = 1; row < height - 1; row++) {
    for (let at = row * stride + 3; at < (row + 1) * stride - 3; at++) {
      const value = source[at] as number;
      let sum = 4 * value;
      for (let line = at - stride; line <= at + stride; line += stride)
        sum += (source[line - 3] as number) + (source[line] as number) + (source[line + 3] as number);
      data[at] = blend(Math.floor((2 * sum + 13) / 26), value, share);
    }
  }
}
