let scratch = new Float64Array(0);

/**
 * Gaussian blur of a picture `[size, size, 3]` in place: `2 * radius + 1` taps a side, normalised, border mirrored without repeating the
 * edge, as torchvision's `gaussian_blur`. `sigma` in pixels; `radius` has to be below `size`.
 */
export function gaussianBlur(pixels: Float64Array, size: number, sigma: number, radius: number): void {
  const taps = Float64Array.from({ length: 2 * radius + 1 }, (_, at) =>
    Math.exp(-((at - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = taps.reduce((total, tap) => total + tap, 0);
  for (let at = 0; at < taps.length; at++) taps[at] = (taps[at] as number) / sum;
  if (scratch.length < pixels.length) scratch = new Float64Array(pixels.length);
  blurLines(pixels, scratch, size, taps, 3, size * 3);
  blurLines(scratch, pixels, size, taps, size * 3, 3);
}

/** Blurs along lines whose pixels lie `along` apart; the lines lie `across` apart. */
function blurLines(
  from: Float64Array,
  to: Float64Array,
  size: number,
  taps: Float64Array,
  along: number,
  across: number,
): void {
  const radius = (taps.length - 1) / 2;
  for (let place = 0; place < size; place++) {
    const inside = place >= radius && place < size - radius;
    for (let line = 0; line < size; line++) {
      const base = line * across;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let tap = -radius; tap <= radius; tap++) {
        const at = base + (inside ? place + tap : mirrored(place + tap, size)) * along;
        const weight = taps[tap + radius] as number;
        red += weight * (from[at] as number);
        green += weight * (from[at + 1] as number);
        blue += weight * (from[at + 2] as number);
      }
      const at = base + place * along;
      to[at] = red;
      to[at + 1] = green;
      to[at + 2] = blue;
    }
  }
}

function mirrored(place: number, size: number): number {
  if (place < 0) return -place;
  return place < size ? place : 2 * size - 2 - place;
}

/** Taps to each side that hold two deviations of the widest blur: 2 (five taps) up to a deviation of 1 pixel. */
export function blurRadius(largestSigma: number, size: number): number {
  return Math.min(Math.max(1, Math.ceil(2 * largestSigma)), size - 1);
}
