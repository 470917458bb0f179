import sharp from "sharp";

/** A picture of more pixels is refused: decoding one that is interlaced or progressive takes 3 bytes for each of them at once. */
const MOST_PIXELS = 268_402_689;

// Pictures are decoded many at a time, one core each: threads inside one small picture only wait for each other. Decoded pictures are
// used once, so that keeping them would only take memory.
sharp.concurrency(1);
sharp.cache(false);

/** Thrown inside the data stage for a file that is no whole picture; `message` is its reason in the list of skipped files. */
export class UndecodablePicture extends Error {
  override readonly name = "UndecodablePicture";
}

/** How pictures become those of a pack, for `meta.preprocessing` of the artifact. */
export const decodingFacts = {
  orientation: "as EXIF says",
  colours: "sRGB, 8 bits, by the embedded profile",
  alpha: "on white",
  animation: "first frame",
  resize: "shorter side, lanczos3, centre crop",
} as const;

/** Uncompressed sRGB, `uint8 [height, width, 3]`. */
export interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes a picture file, given by its bytes or its path, or takes uncompressed pixels, to `uint8 [side, side, 3]`: turned as EXIF says, to 8-bit sRGB (grey, CMYK,
 * 16-bit and palette as well), transparency laid on white, the first frame of an animation, the shorter side resized to `side` and the
 * middle kept.
 *
 * @throws UndecodablePicture when it is no picture, truncated, damaged, or larger than 268 megapixels
 */
export async function decodePicture(source: Uint8Array | string | RawPixels, side: number): Promise<Uint8Array> {
  const limits = { failOn: "error", limitInputPixels: MOST_PIXELS, sequentialRead: true } as const;
  try {
    const picture =
      typeof source === "string" || source instanceof Uint8Array
        ? sharp(source, limits)
        : sharp(source.data, { ...limits, raw: { width: source.width, height: source.height, channels: 3 } });
    const pixels = await picture
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .resize(side, side, { fit: "cover", position: "centre", kernel: "lanczos3" })
      .raw({ depth: "uchar" })
      .toBuffer();
    if (pixels.length !== side * side * 3) throw new Error(`${pixels.length / (side * side)} channels after decoding`);
    return pixels;
  } catch (cause) {
    throw new UndecodablePicture(plainReason(cause as Error), { cause });
  }
}

/** sharp's message in one line of plain English. */
function plainReason({ message }: Error): string {
  if (/unsupported image format/.test(message)) return "is no picture of a known format";
  if (/exceeds pixel limit/.test(message)) return `has more than ${Math.floor(MOST_PIXELS / 1e6)} megapixels`;
  if (/premature end|truncated|end of (file|stream|image)|not enough|out of order read/i.test(message))
    return "is cut off";
  if (/Input Buffer is empty/.test(message)) return "is empty";
  return `cannot be decoded (${message.split("\n")[0]?.trim()})`;
}
