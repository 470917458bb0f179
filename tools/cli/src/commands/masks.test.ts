import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { type MasksOptions, masksCommand, masksDocument } from "./masks.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-masks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const words: MasksOptions = { grid: "14x14", count: "75", minBlock: "16", form: "at-most", samples: "5", seed: "1" };

/** Header and data of a NumPy file, read by the format's own rules. */
function readNpy(path: string): { header: string; data: Uint8Array } {
  const file = readFileSync(path);
  expect(file.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\x00");
  const length = file.readUInt16LE(8);
  expect((10 + length) % 64).toBe(0);
  const header = file.subarray(10, 10 + length).toString("latin1");
  expect(header.endsWith("\n")).toBe(true);
  return { header, data: file.subarray(10 + length) };
}

describe("masks as data", () => {
  it("writes uint8 [samples, rows, columns]", async () => {
    const { document, text } = await masksCommand({
      ...words,
      grid: "6x9",
      count: "20",
      minBlock: "4",
      npy: at("m.npy"),
    });
    const { header, data } = readNpy(at("m.npy"));
    expect(header.trimEnd()).toBe("{'descr': '|u1', 'fortran_order': False, 'shape': (5, 6, 9), }");
    expect(data.length).toBe(5 * 6 * 9);
    const mean = data.reduce((a, b) => a + b, 0) / 5;
    expect(masksDocument.parse(document)).toMatchObject({
      grid: { rows: 6, columns: 9 },
      samples: 5,
      masked: { mean },
      npy: at("m.npy"),
      png: null,
    });
    expect(text).toContain("uint8 [5, 6, 9]");
  });

  it("gives the same bytes for the same seed, and the first masks of a longer list", async () => {
    await masksCommand({ ...words, npy: at("a.npy") });
    await masksCommand({ ...words, samples: "9", npy: at("b.npy") });
    await masksCommand({ ...words, seed: "2", npy: at("c.npy") });
    const [a, b, c] = ["a.npy", "b.npy", "c.npy"].map((name) => readNpy(at(name)).data) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    expect(Buffer.from(b.subarray(0, a.length)).equals(a)).toBe(true);
    expect(Buffer.from(c).equals(a)).toBe(false);
  });

  it("hides exactly as many as asked in the exact form", async () => {
    const { document } = await masksCommand({ ...words, samples: "200", form: "exactly" });
    expect(document).toMatchObject({ masked: { mean: 75, smallest: 75, largest: 75 } });
  });
});

describe("masks as a picture", () => {
  it("writes a sheet", async () => {
    await masksCommand({ ...words, png: at("sheet.png") });
    const { format, width, height } = await sharp(at("sheet.png")).metadata();
    expect({ format, width, height }).toEqual({ format: "png", width: 12 + 3 * 180, height: 12 + 2 * 180 });
  });

  it("lays them over a picture: visible patches keep its colour, hidden ones turn grey", async () => {
    await sharp({ create: { width: 90, height: 30, channels: 3, background: "#00ff00" } })
      .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .toFile(at("green.jpg"));
    await masksCommand({ ...words, samples: "1", png: at("over.png"), image: at("green.jpg"), npy: at("over.npy") });
    const { data, info } = await sharp(at("over.png")).raw().toBuffer({ resolveWithObject: true });
    readNpy(at("over.npy")).data.forEach((hidden, cell) => {
      const [y, x] = [12 + Math.floor(cell / 14) * 12 + 6, 12 + (cell % 14) * 12 + 6];
      const green = data[(y * info.width + x) * 3 + 1] as number;
      const red = data[(y * info.width + x) * 3] as number;
      expect(green - red > 200).toBe(hidden === 0);
    });
  });

  it("draws into the terminal when no file is asked for", async () => {
    const { text } = await masksCommand({
      ...words,
      grid: "4x4",
      count: "6",
      minBlock: "4",
      form: "exactly",
      samples: "1",
    });
    const drawing = text.split("\n").slice(2).join("");
    expect(drawing.length).toBe(4 * 8);
    expect([...drawing].filter((character) => character === "█").length).toBe(12);
  });
});

describe("bad options", () => {
  writeFileSync(at("text.png"), "no picture");
  const cases: [Partial<MasksOptions>, number, RegExp][] = [
    [{ grid: "14" }, 64, /--grid "14" is no grid/],
    [{ grid: "0x4" }, 64, /--grid: 0 is no whole number/],
    [{ grid: "99999x99999" }, 64, /more than 1 GiB/],
    [{ count: "-1" }, 64, /--count "-1" is no whole number from 1/],
    [{ count: "197" }, 64, /--count: 197 patches cannot be masked in a grid of 14x14/],
    [{ minBlock: "0" }, 64, /--min-block "0"/],
    [{ grid: "2x2", count: "4", minBlock: "4" }, 64, /--min-block: no block of 4/],
    [{ form: "v3" }, 64, /--form "v3" is not known/],
    [{ samples: "1.5" }, 64, /--samples "1\.5"/],
    [{ samples: "100000000" }, 64, /more than 1 GiB/],
    [{ seed: "x" }, 64, /--seed "x"/],
    [{ npy: at("no/such/folder.npy") }, 73, /--npy .* cannot be written/],
    [{ png: at("no/such/folder.png") }, 73, /--png .* cannot be written/],
    [{ image: at("missing.png") }, 65, /missing\.png cannot be read as a picture/],
    [{ image: at("text.png"), png: at("out.png") }, 65, /text\.png cannot be read as a picture/],
  ];
  it.each(cases)("%j: exit code %d", async (change, exitCode, message) => {
    const failure = expect.objectContaining({
      exitCode,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/\.$/),
    });
    await expect(masksCommand({ ...words, ...change })).rejects.toEqual(failure);
  });
});
