import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { noisePicture } from "../test/noise-picture.ts";
import { decodePicture } from "./decode.ts";
import { centerCrop, resizeShorterSide } from "./plain-view.ts";

const WIDTH = 48;
const HEIGHT = 32;

/** A picture that is red at the upper left, green at the upper right, blue at the lower left, white at the lower right. */
function quarters(): Sharp {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  for (let at = 0; at < WIDTH * HEIGHT; at++) {
    const [right, low] = [at % WIDTH >= WIDTH / 2, at >= (WIDTH * HEIGHT) / 2];
    pixels.set(right ? (low ? [255, 255, 255] : [0, 255, 0]) : low ? [0, 0, 255] : [255, 0, 0], at * 3);
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

/** The colours of the four quarters of a decoded picture, each to the nearest of 0, 128 and 255. */
async function seen(source: Uint8Array | string, side = 16): Promise<string[]> {
  const pixels = await decodePicture(source, side);
  expect(pixels.length).toBe(side * side * 3);
  const quarter = side / 4;
  return [
    [quarter, quarter],
    [quarter, 3 * quarter],
    [3 * quarter, quarter],
    [3 * quarter, 3 * quarter],
  ].map(([row, column]) => {
    const at = ((row as number) * side + (column as number)) * 3;
    return [...pixels.subarray(at, at + 3)].map((value) => (value < 60 ? 0 : value > 195 ? 1 : ".5")).join("");
  });
}

const upright = ["100", "010", "001", "111"];

describe("decodePicture", () => {
  const formats: [string, (picture: Sharp) => Sharp][] = [
    ["JPEG", (p) => p.jpeg({ quality: 95 })],
    ["progressive JPEG", (p) => p.jpeg({ quality: 95, progressive: true })],
    ["PNG", (p) => p.png()],
    ["PNG with a palette", (p) => p.png({ palette: true })],
    ["16-bit PNG", (p) => p.toColourspace("rgb16").png()],
    ["interlaced PNG", (p) => p.png({ progressive: true })],
    ["WebP", (p) => p.webp({ quality: 95 })],
    ["GIF", (p) => p.gif()],
    ["TIFF", (p) => p.tiff({ compression: "lzw" })],
    ["AVIF", (p) => p.avif({ quality: 90 })],
    ["CMYK JPEG", (p) => p.toColourspace("cmyk").jpeg({ quality: 95 })],
  ];
  it.each(formats)("reads %s", async (name, encode) => {
    const source = await encode(quarters()).toBuffer();
    const colours = await seen(source);
    // no ink gives a screen's pure green and blue
    if (name === "CMYK JPEG")
      expect(colours.map((colour) => colour.replaceAll(".5", "x"))).toEqual([
        expect.stringMatching(/^1/),
        expect.stringMatching(/^[0x]/),
        expect.stringMatching(/[1x]$/),
        "111",
      ]);
    else expect(colours).toEqual(upright);
  });

  it("turns a picture as EXIF says, before it crops", async () => {
    // 6: to be shown turned by 90 degrees clockwise, so that the lower left comes to the upper left
    expect(await seen(await quarters().withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer())).toEqual([
      "001",
      "100",
      "111",
      "010",
    ]);
    expect(await seen(await quarters().withMetadata({ orientation: 2 }).jpeg({ quality: 95 }).toBuffer())).toEqual([
      "010",
      "100",
      "111",
      "001",
    ]);
  });

  it("gives grey pictures three equal channels, 8 or 16 bits, with or without transparency", async () => {
    for (const colours of ["b-w", "grey16"]) {
      const pixels = await decodePicture(await quarters().toColourspace(colours).png().toBuffer(), 8);
      for (let at = 0; at < pixels.length; at += 3)
        expect(pixels[at] === pixels[at + 1] && pixels[at] === pixels[at + 2]).toBe(true);
      expect(pixels.at(-1)).toBe(255);
    }
    const clear = sharp(Buffer.alloc(20 * 20 * 2), { raw: { width: 20, height: 20, channels: 2 } });
    expect((await decodePicture(await clear.png().toBuffer(), 4)).every((value) => value === 255)).toBe(true);
  });

  it("lays transparency on white", async () => {
    const half = sharp({
      create: { width: 20, height: 20, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    });
    const pixels = await decodePicture(await half.png().toBuffer(), 4);
    expect([...pixels.subarray(0, 3)].map((value) => Math.round(value / 10) * 10)).toEqual([260, 130, 130]);
    const clear = sharp({ create: { width: 20, height: 20, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    expect(
      (await decodePicture(await clear.webp({ lossless: true }).toBuffer(), 4)).every((value) => value === 255),
    ).toBe(true);
  });

  it("takes the first frame of an animation", async () => {
    const frame = (r: number) =>
      sharp({ create: { width: 16, height: 16, channels: 3, background: { r, g: 0, b: 0 } } })
        .png()
        .toBuffer();
    const frames = await Promise.all([255, 0, 0].map(frame));
    for (const format of ["gif", "webp"] as const) {
      const animated = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      expect((await sharp(animated, { animated: true }).metadata()).pages, format).toBeGreaterThan(1);
      const pixels = await decodePicture(animated, 4);
      expect(pixels.length).toBe(48);
      expect(pixels[0]).toBeGreaterThan(240);
    }
  });

  const resized = async (width: number, height: number, side: number) => {
    const source = noisePicture(height, width);
    const png = await sharp(source.data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const expected = new Uint8Array(side * side * 3);
    centerCrop(resizeShorterSide(source, side, "lanczos"), expected, side);
    return Array.from(await decodePicture(png, side), (value, at) => Math.abs(value - (expected[at] as number)));
  };

  it("resizes as Pillow does, bit for bit, below four times the side", async () => {
    for (const [width, height, side] of [
      [96, 96, 32],
      [127, 200, 32],
      [51, 40, 48],
      [32, 35, 32],
    ] as const)
      expect(Math.max(...(await resized(width, height, side)))).toBe(0);
  });

  it("resizes nearly so from there on, where the decoder shrinks first", async () => {
    const differences = await resized(128, 300, 32);
    expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(1.5);
  });

  it("keeps the middle and the shorter side", async () => {
    const wide = Buffer.alloc(90 * 30 * 3);
    for (let at = 0; at < 90 * 30; at++) wide.fill(at % 90 >= 30 && at % 90 < 60 ? 255 : 0, at * 3, at * 3 + 3);
    const pixels = await decodePicture(
      await sharp(wide, { raw: { width: 90, height: 30, channels: 3 } })
        .png()
        .toBuffer(),
      30,
    );
    expect(pixels.every((value) => value === 255)).toBe(true);
  });

  it("reads a picture that is a thousand times as wide as high", async () => {
    const strip = sharp({ create: { width: 20_000, height: 2, channels: 3, background: "#804020" } });
    const pixels = await decodePicture(await strip.png().toBuffer(), 16);
    expect([...pixels.subarray(-3)]).toEqual([128, 64, 32]);
  });

  it("enlarges a picture of one pixel", async () => {
    const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: "#804020" } })
      .png()
      .toBuffer();
    expect([...(await decodePicture(dot, 8)).subarray(0, 3)]).toEqual([128, 64, 32]);
  });

  const whole = () => quarters().resize(480, 320).jpeg({ quality: 95 }).toBuffer();
  const broken: [string, () => Promise<Buffer>, string | RegExp][] = [
    ["text", async () => Buffer.from("no picture at all"), "is no picture of a known format"],
    ["nothing", async () => Buffer.alloc(0), "is empty"],
    ["a truncated JPEG", async () => (await whole()).subarray(0, -2000), "is cut off"],
    ["a JPEG that ends in its header", async () => (await whole()).subarray(0, 300), /cut off|cannot be decoded/],
    [
      "a tall JPEG that lacks a part which is cropped anyway",
      async () => (await quarters().resize(300, 1200, { fit: "fill" }).jpeg().toBuffer()).subarray(0, -500),
      "is cut off",
    ],
    [
      "a tall PNG that lacks a part which is cropped anyway",
      async () => (await quarters().resize(300, 1200, { fit: "fill" }).png().toBuffer()).subarray(0, -500),
      "is damaged or cut off",
    ],
    [
      "a truncated PNG",
      async () => (await quarters().resize(480, 320).png().toBuffer()).subarray(0, -500),
      /cut off|cannot be decoded/,
    ],
    [
      "a truncated WebP",
      async () => (await quarters().resize(480, 320).webp().toBuffer()).subarray(0, -200),
      /cut off|cannot be decoded/,
    ],
    [
      "a truncated GIF",
      async () => (await quarters().resize(480, 320).gif().toBuffer()).subarray(0, -300),
      /cut off|cannot be decoded/,
    ],
    [
      "a truncated AVIF",
      async () => (await quarters().resize(480, 320).avif().toBuffer()).subarray(0, -300),
      /cut off|cannot be decoded|is no picture/,
    ],
    [
      "a damaged PNG",
      async () => {
        const png = await quarters().resize(480, 320).png({ compressionLevel: 0 }).toBuffer();
        png.fill(0, 2000, 4000);
        return png;
      },
      /cannot be decoded|cut off/,
    ],
  ];
  it.each(broken)("refuses %s, and says why", async (_, make, reason) => {
    const source = await make();
    await expect(decodePicture(source, 16)).rejects.toMatchObject({ name: "UndecodablePicture" });
    await expect(decodePicture(source, 16)).rejects.toThrow(reason);
  });

  it("refuses a file that claims to be gigantic without reading it", async () => {
    const png = await quarters().png().toBuffer();
    png.writeUInt32BE(100_000, 16);
    png.writeUInt32BE(100_000, 20);
    png.writeUInt32BE((await import("node:zlib")).crc32(png.subarray(12, 29)), 29);
    await expect(decodePicture(png, 16)).rejects.toThrow("has more than 268 megapixels");
  });

  it("gives equal bytes from a file and from memory, also when many are decoded at once", async () => {
    const source = await whole();
    const all = await Promise.all(Array.from({ length: 20 }, () => decodePicture(source, 32)));
    for (const pixels of all) expect(pixels).toEqual(all[0]);
  });
});
