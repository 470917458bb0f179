/**
 * Antialiased resizing as Pillow's `Image.resize` does it: separable, per-axis weights, the filter widened when shrinking, weights cut at
 * the border and normalised. In floating point throughout, where Pillow's 8-bit mode rounds after each pass.
 */

/** Names of the resampling filters. */
export const filters = ["bilinear", "bicubic", "lanczos"] as const;
export type Filter = (typeof filters)[number];

/** A rectangle of whole pixels inside a picture. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const kernels: Record<Filter, { support: number; weight: (x: number) => number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -1/2, as Pillow has it. */
function bicubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** For each output place: where its first input lies, and its `taps` weights (unused ones 0). */
interface AxisWeights {
  readonly taps: number;
  readonly start: Int32Array;
  readonly weights: Float64Array;
}

// Crops of small pictures have few different lengths, and each is met thousands of times.
const known = new Map<string, AxisWeights>();

function axisWeights(from: number, to: number, filter: Filter): AxisWeights {
  const name = `${from} ${to} ${filter}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  const made = makeAxisWeights(from, to, filter);
  if (known.size > 4096) known.clear();
  known.set(name, made);
  return made;
}

function makeAxisWeights(from: number, to: number, filter: Filter): AxisWeights {
  const { support, weight } = kernels[filter];
  const scale = from / to;
  const widened = Math.max(1, scale);
  const reach = support * widened;
  const span = (place: number) => {
    const centre = (place + 0.5) * scale;
    return {
      centre,
      first: Math.max(0, Math.trunc(centre - reach + 0.5)),
      end: Math.min(from, Math.trunc(centre + reach + 0.5)),
    };
  };
  let taps = 1;
  for (let place = 0; place < to; place++) taps = Math.max(taps, span(place).end - span(place).first);
  const start = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let place = 0; place < to; place++) {
    const { centre, first, end } = span(place);
    // All rows have `taps` weights, so the last ones start earlier and have their zeros in front.
    const begin = Math.min(first, from - taps);
    let sum = 0;
    for (let at = first; at < end; at++)
      sum += weights[place * taps + at - begin] = weight((at - centre + 0.5) / widened);
    for (let tap = 0; tap < taps; tap++) weights[place * taps + tap] = (weights[place * taps + tap] as number) / sum;
    start[place] = begin;
  }
  return { taps, start, weights };
}

let scratch = new Float64Array(0);

/**
 * Resizes the `box` of a picture `[*, width, 3]` to `[size, size, 3]`, mirrored left to right if asked, as floats on the same scale
 * (bicubic and lanczos overshoot, so clamp before use).
 */
export function resizeBox(
  picture: Uint8Array | Float64Array,
  width: number,
  box: Box,
  out: Float64Array,
  size: number,
  filter: Filter,
  mirror = false,
): void {
  if (scratch.length < box.height * size * 3) scratch = new Float64Array(box.height * size * 3);
  resizeRows(picture, width, box, scratch, size, axisWeights(box.width, size, filter), mirror);
  resizeColumns(scratch, out, size, axisWeights(box.height, size, filter));
}

function resizeRows(
  picture: Uint8Array | Float64Array,
  width: number,
  { top, left, height }: Box,
  out: Float64Array,
  size: number,
  { taps, start, weights }: AxisWeights,
  mirror: boolean,
): void {
  for (let row = 0; row < height; row++) {
    const base = ((top + row) * width + left) * 3;
    for (let column = 0; column < size; column++) {
      let at = base + (start[column] as number) * 3;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let tap = column * taps, end = tap + taps; tap < end; tap++, at += 3) {
        const weight = weights[tap] as number;
        red += weight * (picture[at] as number);
        green += weight * (picture[at + 1] as number);
        blue += weight * (picture[at + 2] as number);
      }
      const to = (row * size + (mirror ? size - 1 - column : column)) * 3;
      out[to] = red;
      out[to + 1] = green;
      out[to + 2] = blue;
    }
  }
}

/** Two taps at a time over a whole row: three times as fast as one sum after the other. */
function resizeColumns(
  rows: Float64Array,
  out: Float64Array,
  size: number,
  { taps, start, weights }: AxisWeights,
): void {
  const stride = size * 3;
  for (let row = 0; row < size; row++) {
    const from = (start[row] as number) * stride;
    const to = row * stride;
    for (let tap = 0; tap < taps; tap += 2) {
      const a = from + tap * stride;
      // An odd number of taps ends in a pair whose second weight is 0.
      const b = tap + 1 < taps ? a + stride : a;
      const weightA = weights[row * taps + tap] as number;
      const weightB = tap + 1 < taps ? (weights[row * taps + tap + 1] as number) : 0;
      if (tap === 0) {
        for (let at = 0; at < stride; at++) {
          out[to + at] = weightA * (rows[a + at] as number) + weightB * (rows[b + at] as number);
        }
      } else {
        for (let at = 0; at < stride; at++) {
          out[to + at] =
            (out[to + at] as number) + weightA * (rows[a + at] as number) + weightB * (rows[b + at] as number);
        }
      }
    }
  }
}
