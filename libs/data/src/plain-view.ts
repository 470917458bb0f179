import type { Picture } from "./picture.ts";
import type { Filter } from "./resample-weights.ts";
import { resizeBox } from "./resize.ts";
import { roundHalfEven } from "./round-half-even.ts";

/** Makes an unaugmented view into `out`, `uint8 [size, size, 3]`: the shorter side resized (bicubic), the middle kept. */
export function makePlainView(picture: Picture, out: Uint8Array, size: number): void {
  centerCrop(resizeShorterSide(picture, size, "bicubic"), out, size);
}

/**
 * A picture whose shorter side has `size` pixels, and its longer one as many as keep the proportions, cut to a whole number: torchvision's
 * `Resize(size)`. The picture itself where nothing changes.
 */
export function resizeShorterSide(picture: Picture, size: number, filter: Filter): Picture {
  const { height, width } = picture;
  const longer = Math.trunc((size * Math.max(height, width)) / Math.min(height, width));
  const to = height < width ? { height: size, width: longer } : { height: longer, width: size };
  if (to.height === height && to.width === width) return picture;
  const out = { ...to, data: new Uint8Array(to.height * to.width * 3) };
  resizeBox(picture, { top: 0, left: 0, height, width }, out, filter);
  return out;
}

/**
 * Writes the middle `size` x `size` pixels into `out`, `uint8 [size, size, 3]`: torchvision's `CenterCrop(size)`, whose offset is half of
 * what is left, rounded from halves to the even number.
 * @throws RangeError when the picture is smaller, which torchvision would fill up with black
 */
export function centerCrop({ data, height, width }: Picture, out: Uint8Array, size: number): void {
  if (height < size || width < size)
    throw new RangeError(`a picture of ${height} x ${width} pixels has no middle of ${size} x ${size}`);
  const top = roundHalfEven((height - size) / 2);
  const left = roundHalfEven((width - size) / 2);
  for (let row = 0; row < size; row++) {
    const from = ((top + row) * width + left) * 3;
    out.set(data.subarray(from, from + size * 3), row * size * 3);
  }
}
