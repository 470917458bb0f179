import type { Picture } from "./picture.ts";

const float = Math.fround;
const PASSES = 3;
const BITS = 24;
const HALF = 1 << (BITS - 1);

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
  // A line with the pixels that the box sees beyond its ends.
  const margin = (box.radius + 1) * 3;
  const end = margin + length * 3;
  if (scratch.length < end + margin) scratch = new Uint8Array(end + margin);
  const line = scratch;
  for (let which = 0; which < count; which++) {
    const first = which * across;
    let from = first;
    for (let at = margin; at < end; at += 3, from += along) {
      line[at] = data[from] as number;
      line[at + 1] = data[from + 1] as number;
      line[at + 2] = data[from + 2] as number;
    }
    line.copyWithin(0, margin, margin + 3);
    for (let at = 3; at < margin; at++) line[at] = line[at - 3] as number;
    for (let at = end; at < end + margin; at++) line[at] = line[at - 3] as number;
    for (let channel = 0; channel < 3; channel++) blurLine(line, channel, data, first + channel, along, length, box);
  }
}

function blurLine(
  line: Uint8Array,
  channel: number,
  out: Uint8Array,
  first: number,
  along: number,
  length: number,
  { radius, inner, outer }: SoftBox,
): void {
  let sum = 0;
  for (let at = 0; at <= 2 * radius; at++) sum += line[at * 3 + channel] as number;
  // The pixel before the box, which gives way, the one that enters, and the one behind it.
  let before = channel;
  let entering = (2 * radius + 1) * 3 + channel;
  for (let at = 0, to = first; at < length; at++, to += along, before += 3, entering += 3) {
    const lost = line[before] as number;
    sum = (sum + (line[entering] as number) - lost) | 0;
    const ends = lost + (line[entering + 3] as number);
    // The sum of all weights is at most 2^24, so that this stays below 2^32.
    out[to] = (Math.imul(sum, inner) + Math.imul(ends, outer) + HALF) >>> BITS;
  }
}
