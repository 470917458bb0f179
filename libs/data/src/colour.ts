/**
 * Operations on the colours of a picture, in place on floats `[pixels, 3]` from 0 to 255; each result is cut to that range, as
 * torchvision's are. Luma is ITU-R BT.601's, .299 R + .587 G + .114 B.
 */

const RED = 0.299;
const GREEN = 0.587;
const BLUE = 0.114;

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Multiplies by `factor`. */
export function brightness(pixels: Float64Array, factor: number): void {
  for (let at = 0; at < pixels.length; at++) pixels[at] = clamp((pixels[at] as number) * factor);
}

/** Moves each value away from (factor above 1) or towards the mean luma of the whole picture. */
export function contrast(pixels: Float64Array, factor: number): void {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += luma(pixels, at);
  const rest = ((1 - factor) * sum * 3) / pixels.length;
  for (let at = 0; at < pixels.length; at++) pixels[at] = clamp((pixels[at] as number) * factor + rest);
}

/** Moves each pixel away from (factor above 1) or towards its own luma. */
export function saturation(pixels: Float64Array, factor: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const rest = (1 - factor) * luma(pixels, at);
    pixels[at] = clamp((pixels[at] as number) * factor + rest);
    pixels[at + 1] = clamp((pixels[at + 1] as number) * factor + rest);
    pixels[at + 2] = clamp((pixels[at + 2] as number) * factor + rest);
  }
}

/**
 * Turns the chroma by an angle: a rotation of the RGB cube about its grey diagonal (Rodrigues' formula), which keeps the mean of the
 * three and the strength of the colour. Unlike a shift of HSV's hue it is smooth at grey.
 */
export function hue(pixels: Float64Array, degrees: number): void {
  const angle = (degrees * Math.PI) / 180;
  const same = (1 + 2 * Math.cos(angle)) / 3;
  const sine = Math.sin(angle) / Math.sqrt(3);
  const next = (1 - Math.cos(angle)) / 3 - sine;
  const previous = (1 - Math.cos(angle)) / 3 + sine;
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at] as number;
    const green = pixels[at + 1] as number;
    const blue = pixels[at + 2] as number;
    pixels[at] = clamp(same * red + next * green + previous * blue);
    pixels[at + 1] = clamp(previous * red + same * green + next * blue);
    pixels[at + 2] = clamp(next * red + previous * green + same * blue);
  }
}

/** Gives all three channels the luma. */
export function grey(pixels: Float64Array): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const value = luma(pixels, at);
    pixels[at] = value;
    pixels[at + 1] = value;
    pixels[at + 2] = value;
  }
}

/** Inverts each value from `threshold`, a share of the range, upwards. */
export function solarize(pixels: Float64Array, threshold: number): void {
  const limit = threshold * 255;
  for (let at = 0; at < pixels.length; at++) {
    const value = pixels[at] as number;
    if (value >= limit) pixels[at] = 255 - value;
  }
}

function luma(pixels: Float64Array, at: number): number {
  return RED * (pixels[at] as number) + GREEN * (pixels[at + 1] as number) + BLUE * (pixels[at + 2] as number);
}

/** Cuts each value to the range, after a resize that overshoots. */
export function clampAll(pixels: Float64Array): void {
  for (let at = 0; at < pixels.length; at++) pixels[at] = clamp(pixels[at] as number);
}
