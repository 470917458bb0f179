import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allViews } from "../test/pack.ts";
import { photograph, writeFiles } from "../test/photographs.ts";
import { Dataset } from "./dataset.ts";
import { decodeWhole, probePicture } from "./decode.ts";
import { identifyFolder } from "./identify-folder.ts";
import type { PackForm } from "./pack-data.ts";
import { type PackedData, packFolder } from "./pack-data.ts";
import { PictureTable } from "./picture-table.ts";
import { centerCrop, resizeShorterSide } from "./plain-view.ts";

let folder: string;
let root: string;
let packed: PackedData;
let shards: string[];
const SHARD_BYTES = 20_000;

/** A sink that writes shards into a folder. */
function intoFolder(to: string): { form: PackForm; paths: string[] } {
  const paths: string[] = [];
  const sink = async (name: string, bytes: AsyncIterable<Uint8Array>) => {
    paths.push(join(to, name));
    await writeFile(join(to, name), bytes);
  };
  return { form: { form: "encoded", sink, shardBytes: SHARD_BYTES }, paths };
}

const options = { onCorrupt: "skip" as const, testShare: 0.2, validationShare: 0.1, labelledShare: 1 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-encoded-"));
  root = join(folder, "pictures");
  for (let at = 0; at < 40; at++) {
    const bytes = await photograph(at, at % 5 === 0 ? { orientation: 6 } : {});
    await writeFiles(root, { [`${at % 2 ? "odd" : "even"}/${at}.jpg`]: bytes });
  }
  const clear = { width: 50, height: 70, channels: 4 as const, background: { r: 0, g: 0, b: 0, alpha: 0 } };
  await writeFiles(root, {
    "odd/clear.png": await sharp({ create: clear }).png().toBuffer(),
    "even/cut.jpg": (await photograph(99)).subarray(0, 900),
  });
  const { form, paths } = intoFolder(folder);
  packed = await packFolder(await identifyFolder(root, { memory: null }), form, options);
  shards = paths;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const parts = () => ({ index: packed.index, table: packed.table.toBytes(), shards });
const common = { pictures: { split: "train" as const }, batch: 6, seed: 3, stage: "s" };

describe("a pack of picture files", () => {
  it("holds the files as they are, in shards of bounded size, and what is known about them", async () => {
    expect(shards.length).toBeGreaterThan(2);
    for (const path of shards) expect((await stat(path)).size).toBeLessThanOrEqual(SHARD_BYTES);
    expect(packed.index).toMatchObject({ form: "encoded", count: 41, classes: ["even", "odd"] });
    expect(packed.index.skipped).toEqual([{ name: "even/cut.jpg", reason: "is cut off" }]);
    expect(packed.index.split).toMatchObject({ kind: "content-hash" });
    expect(packed.meta.preprocessing).toMatchObject({ form: "encoded", orientation: "as EXIF says" });
    const files = [...packed.table];
    expect(files.map(({ hash }) => hash)).toEqual(files.map(({ hash }) => hash).toSorted());
    const { start, bytes, shard } = packed.table.columns;
    for (const [at, { name }] of files.entries()) {
      const from = await readFile(shards[shard[at] as number] as string);
      const first = start[at] as number;
      expect(from.subarray(first, first + (bytes[at] as number)).equals(await readFile(join(root, name)))).toBe(true);
    }
  });

  it("gives every pixel of each, upright and on white", async () => {
    await using data = await Dataset.open(parts());
    for (const [place, { name }] of [...data.pictures].entries()) {
      const picture = await data.picture(place);
      const upright = await sharp(join(root, name))
        .rotate()
        .flatten({ background: "#fff" })
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([picture.height, picture.width]).toEqual([upright.info.height, upright.info.width]);
      expect(Buffer.from(picture.data).equals(upright.data)).toBe(true);
      expect([data.pictures.columns.height[place], data.pictures.columns.width[place]]).toEqual([
        picture.height,
        picture.width,
      ]);
    }
  });

  it("makes the same batches on one thread or several, which share a batch, at any size, from any step", async () => {
    await using one = await Dataset.open(parts(), { threads: 1 });
    await using three = await Dataset.open(parts(), { threads: 3 });
    const mask = { rows: 3, columns: 3, count: 4, minBlock: 2, form: "exactly" as const };
    const pictures = { split: "train" as const, labelled: true };
    const specs = [
      { kind: "two-views" as const, ...common, batch: 13, size: 48, views: allViews },
      { kind: "masked" as const, ...common, batch: 13, size: 24, tokenizerSize: 12, mask, views: allViews },
      { kind: "labelled" as const, ...common, batch: 13, pictures, size: 24, views: allViews, erase: 0.5 },
      { kind: "in-order" as const, pictures: { split: "train" as const }, batch: 27, size: 24 },
    ];
    for (const spec of specs) {
      const [a, b] = [one.batches(spec), three.batches(spec)];
      const forward = await Promise.all([0, 1].map((step) => a.at(step)));
      expect(await Promise.all([1, 0].map((step) => b.at(step)))).toEqual(forward.toReversed());
      for (const array of Object.values(forward[1] ?? {}))
        expect(array.data.length).toBe(array.shape.reduce((product, side) => product * side, 1));
    }
  });

  it("shows for evaluation what Resize and CenterCrop show, BEiT's unless another is asked for", async () => {
    await using data = await Dataset.open(parts());
    const seen = async (size: number, view?: { resize: number; filter: "bicubic" | "bilinear" }) => {
      const source = data.batches({
        kind: "in-order",
        pictures: { split: "test" },
        batch: 3,
        size,
        ...(view && { view }),
      });
      return (await source.at(1)).images.data;
    };
    const expected = async (size: number, resize: number, filter: "bicubic" | "bilinear") => {
      const out = new Uint8Array(3 * size * size * 3);
      for (const [at, place] of data.places({ split: "test" }).slice(3, 6).entries()) {
        const row = out.subarray(at * size * size * 3, (at + 1) * size * size * 3);
        centerCrop(resizeShorterSide(await data.picture(place), resize, filter), row, size);
      }
      return out;
    };
    expect(await seen(28)).toEqual(await expected(28, 32, "bicubic"));
    expect(await seen(28, { resize: 40, filter: "bilinear" })).toEqual(await expected(28, 40, "bilinear"));
    expect(await seen(384)).toEqual(await expected(384, 384, "bicubic"));
  });

  it("is the same from another folder, and has another order than the disk's", async () => {
    const to = await mkdtemp(join(folder, "again-"));
    const { form, paths } = intoFolder(to);
    const again = await packFolder(await identifyFolder(root, { memory: null }), form, options);
    expect(again.index).toEqual(packed.index);
    expect(Buffer.from(again.table.toBytes()).equals(packed.table.toBytes())).toBe(true);
    for (const [at, path] of paths.entries())
      expect((await readFile(path)).equals(await readFile(shards[at] as string))).toBe(true);
    expect(packed.table.columns.start.every((start, at, all) => at === 0 || start > (all[at - 1] as number))).toBe(
      false,
    );
  });

  it("tells a picture whose bytes are no longer those that were packed", async () => {
    const place = 7;
    const { shard, start, bytes } = packed.table.columns;
    const at = shard[place] as number;
    const damaged = join(folder, "damaged.bin");
    await copyFile(shards[at] as string, damaged);
    const content = await readFile(damaged);
    const middle = (start[place] as number) + Math.floor((bytes[place] as number) / 2);
    content[middle] = (content[middle] as number) ^ 1;
    await writeFile(damaged, content);
    await using data = await Dataset.open({ ...parts(), shards: shards.with(at, damaged) });
    await expect(data.picture(place)).rejects.toMatchObject({
      name: "CorruptPack",
      exitCode: 76,
      message: `${damaged} is damaged: picture 7 has other bytes than were packed`,
    });
  });

  it("refuses parts that are not whole or do not belong together", async () => {
    const table = packed.table.toBytes();
    const broken: [object, RegExp][] = [
      [{ ...parts(), shards: shards.slice(1) }, /files of pictures, and the index names/],
      [{ ...parts(), shards: shards.with(0, `${shards[0]}.no`) }, /is not there/],
      [{ ...parts(), shards: shards.toReversed() }, /has \d+ bytes, not \d+/],
      [{ ...parts(), table: table.slice(0, -1) }, /the table of packed pictures has \d+ bytes/],
      [{ ...parts(), table: new Uint8Array(9) }, /the table of packed pictures is none/],
      [{ ...parts(), index: { ...packed.index, count: 40 } }, /has 41 pictures, and its index 40/],
      [{ ...parts(), index: { ...packed.index, classes: ["even"] } }, /says what cannot be about picture/],
    ];
    for (const [wrong, message] of broken)
      await expect(Dataset.open(wrong as never)).rejects.toMatchObject({
        name: "CorruptPack",
        message: expect.stringMatching(message),
      });
    const outside = PictureTable.of(
      [...packed.table].map((picture) => ({
        ...picture,
        place: { shard: 0, start: SHARD_BYTES, bytes: 9, height: 1, width: 1 },
      })),
    );
    await expect(Dataset.open({ ...parts(), table: outside.toBytes() })).rejects.toThrow(
      /says what cannot be about picture 0/,
    );
  });
});

it("stops at a broken file where that is asked", async () => {
  const { form } = intoFolder(await mkdtemp(join(folder, "fail-")));
  const packing = packFolder(await identifyFolder(root, { memory: null }), form, { ...options, onCorrupt: "fail" });
  await expect(packing).rejects.toMatchObject({ name: "CorruptPicture", message: "even/cut.jpg is cut off" });
});

it("calls a file broken when it is packed exactly where drawing it would fail", async () => {
  const encoders = { jpeg: {}, png: {}, webp: { quality: 80 } } as const;
  for (const [format, how] of Object.entries(encoders)) {
    const whole = await sharp(await photograph(3))
      .resize(200, 150)
      .toFormat(format as "jpeg", how)
      .toBuffer();
    for (let part = 1; part <= 24; part++) {
      const cut = whole.subarray(0, Math.round((whole.length * part) / 24));
      const verdict = (work: Promise<unknown>) =>
        work.then(
          () => "whole",
          (error: Error) => error.message,
        );
      expect([format, part, await verdict(probePicture(cut))]).toEqual([format, part, await verdict(decodeWhole(cut))]);
    }
    for (const missing of [1, 2, 3, 8]) {
      const cut = whole.subarray(0, whole.length - missing);
      const isWhole = (work: Promise<unknown>) =>
        work.then(
          () => true,
          () => false,
        );
      expect([format, missing, await isWhole(probePicture(cut))]).toEqual([
        format,
        missing,
        await isWhole(decodeWhole(cut)),
      ]);
    }
  }
});
