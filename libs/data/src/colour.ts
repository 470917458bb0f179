/**
 * Operations on the colours of a picture, in place on `uint8 [pixels, 3]`, bit for bit as Pillow does them, and torchvision with
 * Pillow's pictures: `ImageEnhance`, `ImageOps` and the turn of HSV's hue. Pillow computes in float32 and cuts decimals off.
 */

const float = Math.fround;

/** Multiplies by `factor`: `ImageEnhance.Brightness`. */
export function brightness(pixels: Uint8Array, factor: number): void {
  lookUp(pixels, (value) => blend(0, value, float(factor)));
}

/** Moves each value away from (factor above 1) or towards the mean luma of the whole picture: `ImageEnhance.Contrast`. */
export function contrast(pixels: Uint8Array, factor: number): void {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += luma(pixels, at);
  const mean = Math.trunc((sum * 3) / pixels.length + 0.5);
  lookUp(pixels, (value) => blend(mean, value, float(factor)));
}

/** Moves each pixel away from (factor above 1) or towards its own luma: `ImageEnhance.Color`. */
export function saturation(pixels: Uint8Array, factor: number): void {
  const share = float(factor);
  for (let at = 0; at < pixels.length; at += 3) {
    const grey = luma(pixels, at);
    pixels[at] = blend(grey, pixels[at] as number, share);
    pixels[at + 1] = blend(grey, pixels[at + 1] as number, share);
    pixels[at + 2] = blend(grey, pixels[at + 2] as number, share);
  }
}

/** Gives all three channels the luma: `convert("L")`. */
export function grey(pixels: Uint8Array): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const value = luma(pixels, at);
    pixels[at] = value;
    pixels[at + 1] = value;
    pixels[at + 2] = value;
  }
}

/** Inverts each value from `threshold` upwards: `ImageOps.solarize`. */
export function solarize(pixels: Uint8Array, threshold: number): void {
  lookUp(pixels, (value) => (value < threshold ? value : 255 - value));
}

/** Turns HSV's hue by a share of the circle, -1/2 to 1/2: torchvision's `adjust_hue`, in steps of 1/255. */
export function hue(pixels: Uint8Array, turn: number): void {
  const steps = Math.trunc(turn * 255);
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at] as number;
    const green = pixels[at + 1] as number;
    const blue = pixels[at + 2] as number;
    const value = Math.max(red, green, blue);
    const least = Math.min(red, green, blue);
    // no colour to turn
    if (value === least) continue;
    const span = value - least;
    const strength = (float(span / value) * 255) | 0;
    const angle = (((hueOf(red, green, blue, value, span) * 255) | 0) + steps) & 255;
    fromHsv(pixels, at, angle, strength, value);
  }
}

/**
 * Turns the chroma by a share of the circle: a rotation of the RGB cube about its grey diagonal (Rodrigues' formula), which keeps the mean
 * of the three and the strength of the colour up to rounding and cutting. A turn of HSV's hue keeps the largest and the least channel
 * instead, so that a blue that becomes yellow becomes much lighter.
 */
export function chroma(pixels: Uint8Array, turn: number): void {
  const angle = 2 * Math.PI * turn;
  const same = (1 + 2 * Math.cos(angle)) / 3;
  const sine = Math.sin(angle) / Math.sqrt(3);
  const next = (1 - Math.cos(angle)) / 3 - sine;
  const previous = (1 - Math.cos(angle)) / 3 + sine;
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at] as number;
    const green = pixels[at + 1] as number;
    const blue = pixels[at + 2] as number;
    pixels[at] = toByte(same * red + next * green + previous * blue);
    pixels[at + 1] = toByte(previous * red + same * green + next * blue);
    pixels[at + 2] = toByte(next * red + previous * green + same * blue);
  }
}

function toByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
}

/** HSV's hue, 0 to 1, in the precision of Pillow's `rgb2hsv`. */
function hueOf(red: number, green: number, blue: number, most: number, span: number): number {
  const share = (channel: number) => float((most - channel) / span);
  let sixths: number;
  if (red === most) sixths = float(share(blue) - share(green));
  else if (green === most) sixths = float(2 + share(red) - share(blue));
  else sixths = float(4 + share(green) - share(red));
  const turn = sixths / 6 + 1;
  return float(turn < 1 ? turn : turn - 1);
}

/** Pillow's `hsv2rgb`; all 0 to 255. */
function fromHsv(pixels: Uint8Array, at: number, hue255: number, saturation255: number, value: number): void {
  const sixths = (hue255 * 6) / 255;
  const sixth = sixths | 0;
  const part = float(sixths - sixth);
  const strength = float(saturation255 / 255);
  const low = (value * (1 - strength) + 0.5) | 0;
  const between = (value * (1 - ((sixth & 1) === 1 ? float(strength * part) : strength * (1 - part))) + 0.5) | 0;
  // Which channel is highest, and which lowest, for each sixth of the circle; the other one lies between.
  const highest = HIGHEST[sixth % 6] as number;
  const lowest = LOWEST[sixth % 6] as number;
  pixels[at + 3 - highest - lowest] = between;
  pixels[at + highest] = value;
  pixels[at + lowest] = low;
}

const HIGHEST = [0, 1, 1, 2, 2, 0] as const;
const LOWEST = [2, 2, 0, 0, 1, 1] as const;

/** Pillow's `Image.blend` of one value: from `ground` (factor 0) over `value` (factor 1) and beyond; `factor` is a float32. */
export function blend(ground: number, value: number, factor: number): number {
  const mixed = float(ground + float(factor * (value - ground)));
  return mixed <= 0 ? 0 : mixed >= 255 ? 255 : mixed | 0;
}

const table = new Uint8Array(256);

/** Replaces each value by what `make` gives for it. */
export function lookUp(pixels: Uint8Array, make: (value: number) => number): void {
  for (let value = 0; value < 256; value++) table[value] = make(value);
  for (let at = 0; at < pixels.length; at++) pixels[at] = table[pixels[at] as number] as number;
}

/** ITU-R BT.601's luma, .299 R + .587 G + .114 B, rounded, as Pillow's mode L has it. */
export function luma(pixels: Uint8Array, at: number): number {
  return (
    ((pixels[at] as number) * 19_595 +
      (pixels[at + 1] as number) * 38_470 +
      (pixels[at + 2] as number) * 7_471 +
      0x8000) >>
    16
  );
}
