import { checkPictureSize, type Picture } from "./picture.ts";

type Colour = readonly [number, number, number];
const PAPER: Colour = [255, 255, 255];
const VISIBLE: Colour = [226, 229, 233];
const HIDDEN: Colour = [38, 70, 120];
const GAP = 12;
/** A tile is about this many pixels wide. */
const TILE = 168;

/** Edge of one patch on the sheet in pixels, for a grid of this size. */
export function patchPixels(rows: number, columns: number): number {
  return Math.max(2, Math.floor(TILE / Math.max(rows, columns)));
}

/**
 * The masks side by side on white, hidden patches dark, thin lines between patches; over `picture` (one tile in size), when given, with
 * the hidden patches greyed out. `masks` is `uint8 [samples, rows, columns]`.
 */
export function contactSheet(
  masks: Uint8Array,
  samples: number,
  rows: number,
  columns: number,
  picture?: Picture,
): Picture {
  const patch = patchPixels(rows, columns);
  const across = Math.min(samples, Math.max(1, Math.ceil(Math.sqrt(samples * 1.6))));
  const tile = { width: patch * columns, height: patch * rows };
  const width = GAP + across * (tile.width + GAP);
  const height = GAP + Math.ceil(samples / across) * (tile.height + GAP);
  checkPictureSize(width, height);
  const sheet = { width, height, data: new Uint8Array(width * height * 3).fill(255) };
  for (let sample = 0; sample < samples; sample++) {
    const left = GAP + (sample % across) * (tile.width + GAP);
    const top = GAP + Math.floor(sample / across) * (tile.height + GAP);
    const mask = masks.subarray(sample * rows * columns, (sample + 1) * rows * columns);
    for (let y = 0; y < tile.height; y++) {
      for (let x = 0; x < tile.width; x++) {
        const hidden = mask[Math.floor(y / patch) * columns + Math.floor(x / patch)] === 1;
        const line = picture === undefined && patch > 3 && (y % patch === 0 || x % patch === 0);
        const colour = line ? PAPER : patchColour(hidden, picture, y, x);
        sheet.data.set(colour, ((top + y) * width + left + x) * 3);
      }
    }
  }
  return sheet;
}

/** Colour of a pixel at (y, x) of a tile: a hidden patch keeps a seventh of its picture, enough to see what the model does not. */
function patchColour(hidden: boolean, picture: Picture | undefined, y: number, x: number): Colour {
  if (picture === undefined) return hidden ? HIDDEN : VISIBLE;
  const at = (y * picture.width + x) * 3;
  const [red, green, blue] = picture.data.subarray(at, at + 3) as unknown as Colour;
  if (!hidden) return [red, green, blue];
  const grey = (channel: number) => Math.round(channel / 7 + (128 * 6) / 7);
  return [grey(red), grey(green), grey(blue)];
}
