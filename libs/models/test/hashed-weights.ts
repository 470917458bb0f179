import type { HostArray } from "tfjs-libtensorflow";

/** lowbias32 (Chris Wellons). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** FNV-1a, 32 bits. */
function seed(name: string): number {
  return [...Buffer.from(name)].reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}

/** Half width and middle of a tensor's values, as in tools/fixtures/interchange.py. */
function spread(name: string, shape: readonly number[]): [width: number, middle: number] {
  if (/(norm|norm1|norm2)\.weight$/.test(name)) return [0.3, 1];
  if (name.includes("gamma")) return [0.3, 0.5];
  if ((shape.length === 2 || shape.length === 4) && !name.endsWith("table")) {
    return [Math.sqrt(3 / shape.slice(1).reduce((a, b) => a * b, 1)), 0];
  }
  return [0.5, 0];
}

/** Weights by the law of tools/fixtures/interchange.py, for tensors of these names and shapes: no value is 0. */
export function hashedWeights(
  shapes: Readonly<Record<string, readonly number[]>>,
): Record<string, HostArray<"float32">> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      const [start, [width, middle]] = [seed(name), spread(name, shape)];
      for (let i = 0; i < data.length; i++) {
        data[i] = (((mix((i + start) | 0) >>> 8) * 2 + 1) * 2 ** -24 - 1) * width + middle;
      }
      return [name, { dtype: "float32", shape, data }];
    }),
  );
}

/** A picture of noise and one of stripes, values 0..255, [2, size, size, 3]. */
export function hashedPictures(size: number): Float32Array {
  const one = size * size * 3;
  return Float32Array.from({ length: 2 * one }, (_, i) => {
    if (i < one) return mix(i) & 255;
    const [row, column, channel] = [Math.floor((i - one) / (3 * size)), Math.floor((i - one) / 3) % size, i % 3];
    return Math.floor((row * 3 + column * 5 + channel * 50) / 4) % 256;
  });
}
