import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fold, key, stream } from "@peco/random";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { readPicture } from "./pictures.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("cuts the middle out of larger pictures before it resizes, and takes smaller ones whole", async () => {
  const [width, height] = [230, 227];
  const draws = stream(fold(key(1), 0));
  const noise = Uint8Array.from({ length: width * height * 3 }, () => draws.uniform(0, 256));
  const whole = sharp(noise, { raw: { width, height, channels: 3 } });
  const write = async (name: string, area?: { left: number; top: number; width: number; height: number }) => {
    const file = join(folder, name);
    await (area === undefined ? whole.clone() : whole.clone().extract(area)).png().toFile(file);
    return file;
  };
  // torchvision rounds the offset of 1.5 to 2
  const middle = await write("middle.png", { left: 3, top: 2, width: 224, height: 224 });
  const view = { size: 32, middle: 224, resize: 32, filter: "bicubic", pack: null } as const;
  const seen = await readPicture(await write("whole.png"), view, true);
  expect(seen).toEqual(await readPicture(middle, { ...view, middle: null }, true));
  const small = await write("small.png", { left: 0, top: 0, width: 40, height: 40 });
  expect(await readPicture(small, view, true)).toEqual(await readPicture(small, { ...view, middle: null }, true));
});
