import type { Picture } from "./picture.ts";

const float = Math.fround;
const PASSES = 3;
const BITS = 24;

/**
 * Blurs a picture in place, bit for bit as Pillow's `ImageFilter.GaussianBlur(sigma)`, which MoCo v3's views take: three box blurs each
 * way, whose outermost pixels count in part so that the variance is right (Gwosdek et al. 2011); beyond the border its last pixel goes on.
 * `sigma` in pixels.
 */
export function gaussianBlur({ data, height, width }: Picture, sigma: number): void {
  const box = boxOf(sigma);
  if (box.radius === 0 && box.outer === 0) return;
  const rows = { length: width, along: 3, count: height, across: width * 3 };
  const columns = { length: height, along: width * 3, count: width, across: 3 };
  for (const lines of [rows, columns]) {
    for (let pass = 0; pass < PASSES; pass++) blurLines(data, lines, box);
  }
}

/** A box of `2 radius + 1` whole pixels with weight `inner` each, and a part of one more on each side with weight `outer`; in 2^-24. */
interface SoftBox {
  readonly radius: number;
  readonly inner: number;
  readonly outer: number;
}

function boxOf(sigma: number): SoftBox {
  const variance = float(float(float(sigma) * float(sigma)) / PASSES);
  const length = float(Math.sqrt(12 * variance + 1));
  const whole = float(Math.floor((length - 1) / 2));
  const next = float(whole + 1);
  const excess = float(float(whole * next) - float(3 * variance));
  const part = float(float(float(2 * whole + 1) * excess) / float(6 * float(variance - float(next * next))));
  const softRadius = float(whole + part);
  const radius = Math.trunc(softRadius);
  const inner = Math.trunc(float(2 ** BITS / float(softRadius * 2 + 1)));
  return { radius, inner, outer: Math.floor((2 ** BITS - (radius * 2 + 1) * inner) / 2) };
}

/** `count` lines of `length` pixels: from a pixel to the next there are `along` bytes, from a line to the next `across`. */
interface Lines {
  readonly length: number;
  readonly along: number;
  readonly count: number;
  readonly across: number;
}

let scratch = new Uint8Array(0);

function blurLines(data: Uint8Array, { length, along, count, across }: Lines, box: SoftBox): void {
  // A line with the pixels that the box sees beyond its ends: what comes to the front is left of it.
  const margin = box.radius + 1;
  if (scratch.length < length + 2 * margin) scratch = new Uint8Array(length + 2 * margin);
  for (let line = 0; line < count; line++) {
    for (let channel = 0; channel < 3; channel++) {
      const first = line * across + channel;
      for (let at = 0; at < length; at++) scratch[margin + at] = data[first + at * along] as number;
      scratch.fill(data[first] as number, 0, margin);
      scratch.fill(data[first + (length - 1) * along] as number, margin + length, length + 2 * margin);
      blurLine(scratch, data, first, along, length, box);
    }
  }
}

function blurLine(
  line: Uint8Array,
  out: Uint8Array,
  first: number,
  along: number,
  length: number,
  { radius, inner, outer }: SoftBox,
): void {
  let sum = 0;
  for (let at = 0; at <= 2 * radius; at++) sum += line[at] as number;
  for (let at = 0; at < length; at++) {
    sum += (line[at + 2 * radius + 1] as number) - (line[at] as number);
    const ends = (line[at] as number) + (line[at + 2 * radius + 2] as number);
    // The sum of all weights is at most 2^24, so that this stays below 2^32.
    out[first + at * along] = (Math.imul(sum, inner) + Math.imul(ends, outer) + (1 << (BITS - 1))) >>> BITS;
  }
}
