import type { Picture } from "./picture.ts";

/** Where each place of a picture comes from: `x' = a x + b y + c`, `y' = d x + e y + f`, in pixels from the upper left corner. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** A colour, 0 to 255 each. */
export type Fill = readonly [red: number, green: number, blue: number];

/**
 * Moves a picture, `uint8 [height, width, 3]`, by an affine map with bicubic interpolation (a = -1) between the 4 x 4 nearest pixels, those
 * at the border going on; what comes from outside gets the colour `fill`. Bit for bit Pillow's `transform(size, AFFINE, map, BICUBIC,
 * fillcolor=fill)` (`src/libImaging/Geometry.c`).
 */
export function transformAffine({ data, height, width }: Picture, map: Affine, fill: Fill): Uint8Array {
  const [a, b, c, d, e, f] = map;
  const out = new Uint8Array(data.length);
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 3) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c;
      const y = d * (column + 0.5) + e * (row + 0.5) + f;
      if (x < 0 || x >= width || y < 0 || y >= height) out.set(fill, to);
      else interpolate(data, height, width, x - 0.5, y - 0.5, out, to);
    }
  }
  return out;
}

/** Writes the colour between pixels at `x`, `y`, counted from the middle of the first one. */
function interpolate(
  data: Uint8Array,
  height: number,
  width: number,
  x: number,
  y: number,
  out: Uint8Array,
  to: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const x0 = inside(left - 1, width) * 3;
  const x1 = inside(left, width) * 3;
  const x2 = inside(left + 1, width) * 3;
  const x3 = inside(left + 2, width) * 3;
  const y0 = inside(top - 1, height) * width * 3;
  const y1 = inside(top, height) * width * 3;
  const y2 = inside(top + 1, height) * width * 3;
  const y3 = inside(top + 2, height) * width * 3;
  const line = (at: number) =>
    cubic(data[at + x0] as number, data[at + x1] as number, data[at + x2] as number, data[at + x3] as number, dx);
  for (let channel = 0; channel < 3; channel++) {
    const value = cubic(line(y0 + channel), line(y1 + channel), line(y2 + channel), line(y3 + channel), dy);
    out[to + channel] = value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
  }
}

function inside(place: number, size: number): number {
  return place < 0 ? 0 : place < size ? place : size - 1;
}

/** The cubic through `v1` at 0 and `v2` at 1 that leaves and arrives in the directions of its neighbours. */
function cubic(v0: number, v1: number, v2: number, v3: number, at: number): number {
  return v1 + at * (-v0 + v2 + at * (2 * (v0 - v1) + v2 - v3 + at * (-v0 + v1 - v2 + v3)));
}
