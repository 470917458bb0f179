import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fold, key, stream } from "@peco/random";
import sharp from "sharp";

/** A picture of smooth colours that follow from a number, as the bytes of a JPEG file, sides between 40 and 120 pixels. */
export async function photograph(number: number, options: { orientation?: number } = {}): Promise<Buffer> {
  const draws = stream(fold(key(11), number));
  const [width, height] = [draws.integer(40, 120), draws.integer(40, 120)];
  const coarse = Uint8Array.from({ length: 5 * 4 * 3 }, () => draws.integer(0, 255));
  const picture = sharp(coarse, { raw: { width: 5, height: 4, channels: 3 } }).resize(width, height, { fit: "fill" });
  const { orientation } = options;
  return picture
    .withMetadata(orientation === undefined ? {} : { orientation })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Writes files into a folder that need not be there. */
export async function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
}
