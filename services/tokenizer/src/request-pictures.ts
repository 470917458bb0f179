import { availableParallelism } from "node:os";
import { decodePicture, UndecodablePicture } from "@peco/data";
import type { tokenizer } from "@peco/proto";
import { UnusablePicture, WrongNumberOfPictures } from "./errors.ts";

/** Pictures of one call, at most. */
export const maxPicturesPerCall = 256;

/** Pictures decoded at once, each on a thread of its own: enough to keep every core busy, and few to undo on a cancel. */
const together = availableParallelism();

/**
 * The pictures of a call as one array of squares, `uint8 [n, size, size, 3]`: decoded, turned as EXIF says, the shorter
 * side resized to `size` and the middle kept.
 *
 * @throws WrongNumberOfPictures UnusablePicture
 */
export async function picturesOf(
  pictures: readonly tokenizer.Picture[],
  size: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (pictures.length === 0) throw new WrongNumberOfPictures("the call has no pictures", "Send at least one picture.");
  if (pictures.length > maxPicturesPerCall) {
    const limit = `the limit maxPicturesPerCall is ${maxPicturesPerCall}`;
    throw new WrongNumberOfPictures(`the call has ${pictures.length} pictures, and ${limit}`, "Send fewer at once.");
  }
  const all = new Uint8Array(pictures.length * size * size * 3);
  for (let first = 0; first < pictures.length; first += together) {
    signal.throwIfAborted();
    const some = pictures.slice(first, first + together);
    const squares = await Promise.all(some.map((picture, i) => squareOf(picture, first + i, size)));
    squares.forEach((square, i) => {
      all.set(square, (first + i) * size * size * 3);
    });
  }
  return all;
}

async function squareOf({ content }: tokenizer.Picture, place: number, size: number): Promise<Uint8Array> {
  if (content === undefined) {
    throw new UnusablePicture(`picture ${place} is empty`, "Send `raw` pixels or an `encoded` file for each picture.");
  }
  if (content.$case === "raw") checkRaw(content.value, place);
  try {
    if (content.$case === "encoded") return await decodePicture(content.value, size);
    const { rgb: data, width, height } = content.value;
    return width === size && height === size ? data : await decodePicture({ data, width, height }, size);
  } catch (error) {
    if (!(error instanceof UndecodablePicture)) throw error;
    throw new UnusablePicture(
      `picture ${place} ${error.message}`,
      "Send a whole JPEG, PNG or WebP file, or raw pixels.",
    );
  }
}

function checkRaw({ height, width, rgb }: tokenizer.RawPicture, place: number): void {
  if (height > 0 && width > 0 && rgb.length === height * width * 3) return;
  throw new UnusablePicture(
    `picture ${place} has ${rgb.length} bytes, and ${height} x ${width} pixels take ${height * width * 3}`,
    "Send three bytes for each pixel, row by row.",
  );
}
