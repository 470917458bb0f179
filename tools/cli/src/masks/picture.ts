import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { UsageError } from "../usage-error.ts";

/** A picture in memory: `uint8 [height, width, 3]`. */
export interface Picture {
  height: number;
  width: number;
  data: Uint8Array;
}

/** Thrown when the picture given with `--image` is missing or cannot be decoded. Exit code 65. */
export class UnreadablePictureError extends Error {
  override readonly name = "UnreadablePictureError";
  readonly exitCode = 65;
  readonly path: string;
  readonly remedy = "Give a JPEG, PNG or WebP file.";

  constructor(path: string, reason: string) {
    super(`${path} cannot be read as a picture: ${reason}`);
    this.path = path;
  }
}

/** Reads a picture upright, on white, cut around its centre to `width` by `height`. Throws {@link UnreadablePictureError}. */
export async function readPicture(path: string, width: number, height: number): Promise<Picture> {
  try {
    const data = await sharp(await readFile(path))
      .autoOrient()
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .resize(width, height, { fit: "cover" })
      .removeAlpha()
      .raw()
      .toBuffer();
    return { width, height, data };
  } catch (error) {
    throw new UnreadablePictureError(path, (error as Error).message.split("\n")[0] as string);
  }
}

/** A picture as a PNG file. */
export function encodePng({ width, height, data }: Picture): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Refuses sizes that no viewer opens, naming the option to change. */
export function checkPictureSize(width: number, height: number): void {
  if (width > 20_000 || height > 20_000) {
    throw new UsageError(
      `--png would become ${width}x${height} pixels`,
      "Ask for fewer samples or a smaller grid, or write --npy.",
    );
  }
}
