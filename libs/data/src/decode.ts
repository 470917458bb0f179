import sharp, { type Sharp } from "sharp";
import type { Picture } from "./picture.ts";
import { centerCrop, resizeShorterSide } from "./plain-view.ts";

/** A picture of more pixels is refused: decoding one that is interlaced or progressive takes 3 bytes for each of them at once. */
const MOST_PIXELS = 268_402_689;

/** A picture whose longer side is more than so many shorter ones is a strip. */
const STRIP = 32;

// Pictures are decoded many at a time, one core each: threads inside one small picture only wait for each other. Decoded pictures are
// used once, so that keeping them would only take memory.
sharp.concurrency(1);
sharp.cache(false);

/** Thrown inside the data stage for a file that is no whole picture; `message` is its reason in the list of skipped files. */
export class UndecodablePicture extends Error {
  override readonly name = "UndecodablePicture";
}

/** How files become pictures, for `meta.preprocessing` of the artifact. */
export const decodingFacts = {
  orientation: "as EXIF says",
  colours: "sRGB, 8 bits, by the embedded profile",
  alpha: "on white",
  animation: "first frame",
} as const;

/** How decoded pictures become those of a pack of pixels. */
export const resizingFacts = {
  resize: "shorter side, Pillow's lanczos, centre crop",
  large: "from four times the side on, the decoder first shrinks to twice the side",
} as const;

/** Uncompressed sRGB, `uint8 [height, width, 3]`. */
export interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes a picture file, given by its bytes or its path, or takes uncompressed pixels, to `uint8 [side, side, 3]`: turned as EXIF says, to 8-bit sRGB (grey, CMYK,
 * 16-bit and palette as well), transparency laid on white, the first frame of an animation, the shorter side resized to `side` by Pillow's
 * lanczos and the middle kept. What is four times as large or more is shrunk by the decoder first, to twice the side, and strips are
 * resized by it altogether: there the result is near Pillow's, not equal.
 *
 * @throws UndecodablePicture when it is no picture, truncated, damaged, or larger than 268 megapixels
 */
export async function decodePicture(source: Uint8Array | string | RawPixels, side: number): Promise<Uint8Array> {
  try {
    const picture = opened(source);
    const { width, height } = await picture.metadata();
    const turned = upright(picture);
    // What is cropped inside the decoder is never read, and a file that is cut off there would pass for whole; only a strip, of which most
    // is cropped, would take too much memory.
    const shrunk = (to: number, fit: "outside" | "cover") => turned.resize(to, to, { fit, kernel: "lanczos3" });
    const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
    if (longer > STRIP * shorter) return (await pixelsOf(shrunk(side, "cover"))).data;
    const decoded = await pixelsOf(shorter < 4 * side ? turned : shrunk(2 * side, "outside"));
    const out = new Uint8Array(side * side * 3);
    centerCrop(resizeShorterSide(decoded, side, "lanczos"), out, side);
    return out;
  } catch (cause) {
    throw new UndecodablePicture(plainReason(cause as Error), { cause });
  }
}

/**
 * Decodes a picture file, given by its bytes, with every pixel that it has, otherwise as {@link decodePicture}.
 *
 * @throws UndecodablePicture
 */
export async function decodeWhole(file: Uint8Array): Promise<Picture> {
  try {
    return await pixelsOf(upright(opened(file)));
  } catch (cause) {
    throw new UndecodablePicture(plainReason(cause as Error), { cause });
  }
}

/** Side to which a picture is decoded when only its soundness is asked: a JPEG's whole stream is read, but few of its pixels are made. */
const PROBE_SIDE = 32;

/**
 * Reads a picture file, given by its bytes, to its end and says how high and wide it is once it stands upright.
 *
 * @throws UndecodablePicture
 */
export async function probePicture(file: Uint8Array): Promise<{ height: number; width: number }> {
  try {
    const picture = opened(file);
    const { autoOrient } = await picture.metadata();
    await pixelsOf(upright(picture).resize(PROBE_SIDE, PROBE_SIDE, { fit: "fill" }));
    return { height: autoOrient.height, width: autoOrient.width };
  } catch (cause) {
    throw new UndecodablePicture(plainReason(cause as Error), { cause });
  }
}

/**
 * How high and wide a picture file is once it stands upright, by its beginning alone.
 *
 * @throws UndecodablePicture
 */
export async function pictureSize(file: Uint8Array): Promise<{ height: number; width: number }> {
  try {
    const { autoOrient } = await opened(file).metadata();
    return { height: autoOrient.height, width: autoOrient.width };
  } catch (cause) {
    throw new UndecodablePicture(plainReason(cause as Error), { cause });
  }
}

function opened(source: Uint8Array | string | RawPixels): Sharp {
  const limits = { failOn: "error", limitInputPixels: MOST_PIXELS, sequentialRead: true } as const;
  if (typeof source === "string" || source instanceof Uint8Array) return sharp(source, limits);
  return sharp(source.data, { ...limits, raw: { width: source.width, height: source.height, channels: 3 } });
}

const upright = (picture: Sharp): Sharp =>
  picture.autoOrient().flatten({ background: "#ffffff" }).toColourspace("srgb");

async function pixelsOf(picture: Sharp): Promise<Picture> {
  const { data, info } = await picture.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} channels after decoding`);
  return { data, height: info.height, width: info.width };
}

/** sharp's message in one line of plain English. */
function plainReason({ message }: Error): string {
  if (/unsupported image format/.test(message)) return "is no picture of a known format";
  if (/exceeds pixel limit/.test(message)) return `has more than ${Math.floor(MOST_PIXELS / 1e6)} megapixels`;
  if (/premature end|truncated|end of (file|stream|image)|not enough|out of order read/i.test(message))
    return "is cut off";
  if (/libpng read error|Unknown error|corrupt header/.test(message)) return "is damaged or cut off";
  if (/Input Buffer is empty/.test(message)) return "is empty";
  return `cannot be decoded (${message.split("\n")[0]?.trim()})`;
}
