import type { Picture } from "./picture.ts";
import { type AxisWeights, axisWeights, type Filter } from "./resample-weights.ts";

/** A rectangle of whole pixels inside a picture. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Cuts `box` out of a picture and resizes it into `out`, bit for bit as Pillow does with `picture.crop(box).resize(size, filter)` in its
 * 8-bit mode (`src/libImaging/Resample.c` of version 13): weights rounded to 22 bits, each pass rounded and cut to whole numbers from 0 to
 * 255. The filter sees the box alone. `mirror` then turns left and right around.
 */
export function resizeBox(picture: Picture, box: Box, out: Picture, filter: Filter, mirror = false): void {
  const source = {
    data: picture.data,
    at: (box.top * picture.width + box.left) * 3,
    stride: picture.width * 3,
  };
  const columns = fixedWeights(box.width, out.width, filter);
  const rows = fixedWeights(box.height, out.height, filter);
  if (box.width === out.width && !mirror) {
    resizeColumns(source, box.width * 3, rows, out);
  } else if (box.height === out.height) {
    resizeRows(source, out.height, columns, out.data, out.width, mirror);
  } else if (columnsFirst(box, out)) {
    const data = scratchOf(out.height * box.width * 3);
    resizeColumns(source, box.width * 3, rows, { data, height: out.height });
    resizeRows({ data, at: 0, stride: box.width * 3 }, out.height, columns, out.data, out.width, mirror);
  } else {
    const data = scratchOf(box.height * out.width * 3);
    resizeRows(source, box.height, columns, data, out.width, mirror);
    resizeColumns({ data, at: 0, stride: out.width * 3 }, out.width * 3, rows, out);
  }
}

/** Since version 13 Pillow begins with the height where that saves work; before, it always began with the width, but for strips. */
function columnsFirst(from: { height: number; width: number }, to: { height: number; width: number }): boolean {
  const shorter = from.height - to.height;
  return shorter > 0 && shorter > 2 * (from.width - to.width);
}

const BITS = 22;
const HALF = 1 << (BITS - 1);

/** Weights of an axis as whole numbers of 2^-22. */
interface FixedWeights extends Omit<AxisWeights, "weights"> {
  readonly weights: Int32Array;
}

// Crops have few different lengths, and each is met thousands of times.
const known = new Map<string, FixedWeights>();
const MOST_KNOWN = 2 ** 22;
let knownWeights = 0;

function fixedWeights(from: number, to: number, filter: Filter): FixedWeights {
  const name = `${from} ${to} ${filter}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  const { taps, start, weights } = axisWeights(from, to, filter);
  const made = {
    taps,
    start,
    weights: Int32Array.from(weights, (weight) => Math.trunc(weight * 2 ** BITS + (weight < 0 ? -0.5 : 0.5))),
  };
  knownWeights += weights.length;
  if (knownWeights > MOST_KNOWN) {
    known.clear();
    knownWeights = weights.length;
  }
  known.set(name, made);
  return made;
}

let scratch = new Uint8Array(0);

function scratchOf(length: number): Uint8Array {
  if (scratch.length < length) scratch = new Uint8Array(length);
  return scratch;
}

/** Rows of a picture: the first byte, and the bytes from one row to the next. */
interface Rows {
  readonly data: Uint8Array;
  readonly at: number;
  readonly stride: number;
}

function resizeRows(
  { data, at: first, stride }: Rows,
  count: number,
  { taps, start, weights }: FixedWeights,
  out: Uint8Array,
  width: number,
  mirror: boolean,
): void {
  for (let row = 0; row < count; row++) {
    const base = first + row * stride;
    for (let column = 0; column < width; column++) {
      let at = base + (start[column] as number) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let tap = column * taps, end = tap + taps; tap < end; tap++, at += 3) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(weight, data[at] as number)) | 0;
        green = (green + Math.imul(weight, data[at + 1] as number)) | 0;
        blue = (blue + Math.imul(weight, data[at + 2] as number)) | 0;
      }
      const to = (row * width + (mirror ? width - 1 - column : column)) * 3;
      out[to] = cut(red >> BITS);
      out[to + 1] = cut(green >> BITS);
      out[to + 2] = cut(blue >> BITS);
    }
  }
}

let sums = new Int32Array(0);

/** Four taps at a time over a whole row, which is much faster than one sum after the other. */
function resizeColumns(
  { data, at: first, stride }: Rows,
  length: number,
  { taps, start, weights }: FixedWeights,
  out: { readonly data: Uint8Array; readonly height: number },
): void {
  if (sums.length < length) sums = new Int32Array(length);
  const total = sums;
  const last = taps - 1;
  for (let row = 0; row < out.height; row++) {
    const from = first + (start[row] as number) * stride;
    const to = row * length;
    for (let tap = 0; tap < taps; tap += 4) {
      const own = row * taps + tap;
      // Beyond the last tap: the last line, with weight 0.
      const weight0 = weights[own] as number;
      const weight1 = tap + 1 > last ? 0 : (weights[own + 1] as number);
      const weight2 = tap + 2 > last ? 0 : (weights[own + 2] as number);
      const weight3 = tap + 3 > last ? 0 : (weights[own + 3] as number);
      const line0 = from + tap * stride;
      const line1 = from + Math.min(tap + 1, last) * stride;
      const line2 = from + Math.min(tap + 2, last) * stride;
      const line3 = from + Math.min(tap + 3, last) * stride;
      const isFirst = tap === 0;
      const isLast = tap + 4 > last;
      for (let at = 0; at < length; at++) {
        const sum =
          ((isFirst ? HALF : (total[at] as number)) +
            Math.imul(weight0, data[line0 + at] as number) +
            Math.imul(weight1, data[line1 + at] as number) +
            Math.imul(weight2, data[line2 + at] as number) +
            Math.imul(weight3, data[line3 + at] as number)) |
          0;
        if (isLast) out.data[to + at] = cut(sum >> BITS);
        else total[at] = sum;
      }
    }
  }
}

function cut(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
