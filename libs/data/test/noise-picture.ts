import { createHash } from "node:crypto";
import type { Picture } from "../src/picture.ts";

/** A black picture. */
export const empty = (height: number, width: number): Picture => ({
  data: new Uint8Array(height * width * 3),
  height,
  width,
});

/** The picture that `tools/fixtures/noise_picture.py` makes of a size. */
export function noisePicture(height: number, width: number): Picture {
  const made = empty(height, width);
  let state = height * 65_537 + width;
  for (let at = 0; at < made.data.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const value = state >>> 24;
    const hard = Math.floor(at / (width * 3) / 8) % 2 === 1;
    made.data[at] = hard ? (value < 128 ? 0 : 255) : value;
  }
  return made;
}

/** The first 16 digits of the SHA-256 of a picture's bytes. */
export function digest({ data }: Picture): string {
  return createHash("sha256").update(data).digest("hex").slice(0, 16);
}
