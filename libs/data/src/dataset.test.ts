import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allViews, noViews, openPack } from "../test/pack.ts";
import { Dataset } from "./dataset.ts";
import { hashBytes } from "./file-range.ts";

let pack: Awaited<ReturnType<typeof openPack>>;
beforeAll(async () => {
  pack = await openPack({ train: 40, validation: 5, test: 21 }, { labelled: 12, threads: 2 });
});
afterAll(() => pack[Symbol.asyncDispose]());

const common = { pictures: { split: "train" as const }, batch: 8, size: 32, seed: 1, stage: "s" };
const mask = { rows: 4, columns: 4, count: 6, minBlock: 4, form: "exactly" as const };
const masked = {
  kind: "masked" as const,
  ...common,
  views: { ...noViews, tokenizerFilter: "lanczos" as const },
  tokenizerSize: 16,
  mask,
};

const row = (data: Uint8Array, at: number, rows: number) =>
  data.subarray((at * data.length) / rows, ((at + 1) * data.length) / rows);
const nameOf = (picture: Uint8Array) => pack.pixels.findIndex((pixels) => Buffer.compare(pixels, picture) === 0);

describe("batches", () => {
  it("are equal for equal steps, whoever asks, in whatever order", async () => {
    const spec = { kind: "two-views" as const, ...common, views: allViews };
    const forward = pack.data.batches(spec);
    const backward = pack.data.batches(spec);
    const a = await Promise.all([0, 1, 2, 3, 17].map((step) => forward.at(step)));
    const b = (await Promise.all([17, 3, 2, 1, 0].map((step) => backward.at(step)))).reverse();
    expect(b).toEqual(a);
    await using other = await openPack({ train: 40, validation: 5, test: 21 });
    expect(await other.data.batches(spec).at(17)).toEqual(a[4]);
  });

  it("differ for another step, seed or stage, and from view to view", async () => {
    const spec = { kind: "two-views" as const, ...common, views: allViews };
    const batches = await Promise.all([
      pack.data.batches(spec).at(0),
      pack.data.batches(spec).at(1),
      pack.data.batches({ ...spec, seed: 2 }).at(0),
      pack.data.batches({ ...spec, seed: 2n ** 63n + 1n }).at(0),
      pack.data.batches({ ...spec, stage: "t" }).at(0),
    ]);
    const digests = batches.flatMap(({ view1, view2 }) => [hashBytes(view1.data), hashBytes(view2.data)]);
    expect(new Set(digests).size).toBe(10);
  });

  it("do not change: these are the bytes of version 2 of the stages", async () => {
    const specs = [
      { kind: "two-views" as const, ...common, views: allViews },
      { kind: "one-view" as const, ...common, views: { ...noViews, flip: 0.5 }, size: 24 },
      { ...masked, views: { ...allViews, tokenizerFilter: "lanczos" as const } },
    ];
    const digests = await Promise.all(
      specs.map(async (spec) => {
        const arrays = Object.values(await pack.data.batches(spec).at(3));
        return arrays.map(({ data }) => hashBytes(data).slice(0, 8)).join(" ");
      }),
    );
    expect(digests).toMatchInlineSnapshot(`
      [
        "d1b95895 2c4ee96c",
        "f543bcb0",
        "75ed799b db32f27a df118641",
      ]
    `);
  });

  it("take every picture once in an epoch, in another order each time", async () => {
    const source = pack.data.batches({ kind: "one-view", ...common, views: noViews });
    const epochs = await Promise.all(
      [0, 1, 2].map(async (epoch) => {
        const batches = await Promise.all([0, 1, 2, 3, 4].map((step) => source.at(epoch * 5 + step)));
        return batches.flatMap(({ images }) => Array.from({ length: 8 }, (_, at) => nameOf(row(images.data, at, 8))));
      }),
    );
    for (const order of epochs)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at));
    expect(new Set(epochs.map((order) => order.join())).size).toBe(3);
  });

  it("reach over the end of an epoch, and several epochs where there are fewer pictures than a batch takes", async () => {
    const few = { split: "train" as const, first: 3 };
    const source = pack.data.batches({ kind: "one-view", ...common, pictures: few, views: noViews });
    const seen = (await Promise.all([0, 1, 2].map((step) => source.at(step)))).flatMap(({ images }) =>
      Array.from({ length: 8 }, (_, at) => nameOf(row(images.data, at, 8))),
    );
    for (let epoch = 0; epoch < 8; epoch++) expect(seen.slice(epoch * 3, epoch * 3 + 3).sort()).toEqual([0, 1, 2]);
  });

  it("carry the labels of the pictures, of labelled ones only", async () => {
    const source = pack.data.batches({
      kind: "labelled",
      ...common,
      pictures: { split: "train", labelled: true },
      views: noViews,
    });
    const { images, labels } = await source.at(0);
    expect(labels).toMatchObject({ dtype: "int32", shape: [8] });
    for (let at = 0; at < 8; at++) {
      const place = nameOf(row(images.data, at, 8));
      expect(place).toBeLessThan(12);
      expect(labels.data[at]).toBe(pack.index.pictures[place]?.label);
    }
  });

  it("show the same window to transformer and tokenizer, and mask as asked", async () => {
    const { view1, view2, mask: hidden } = await pack.data.batches(masked).at(0);
    expect([view1.shape, view2?.shape, hidden.shape]).toEqual([
      [8, 32, 32, 3],
      [8, 16, 16, 3],
      [8, 16],
    ]);
    for (let at = 0; at < 8; at++) {
      expect(row(hidden.data, at, 8).reduce((sum, cell) => sum + cell, 0)).toBe(6);
      const [large, small] = [row(view1.data, at, 8), row(view2?.data as Uint8Array, at, 8)];
      const mean = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
      expect(Math.abs(mean(large) - mean(small))).toBeLessThan(2);
    }
    const views = { ...allViews, crop: { ...allViews.crop, filter: "bicubic" as const } };
    const twice = await pack.data.batches({ ...masked, tokenizerSize: 32, views }).at(5);
    expect(twice.view2?.data).toEqual(twice.view1.data); // equal filter and size: colours and window are shared
  });

  it("have no tokenizer's view where none is asked for, and are otherwise the same", async () => {
    const alone = await pack.data.batches({ ...masked, tokenizerSize: null }).at(5);
    const { view2: _, ...rest } = await pack.data.batches(masked).at(5);
    expect(alone).toEqual(rest);
  });

  it("come in order for evaluation: each once, the last one filled up", async () => {
    const source = pack.data.batches({ kind: "in-order", pictures: { split: "test" }, batch: 8, size: 32 });
    expect([source.steps, source.count]).toEqual([3, 21]);
    const batches = await Promise.all([0, 1, 2].map((step) => source.at(step)));
    expect(batches.map(({ valid }) => valid.data[0])).toEqual([8, 8, 5]);
    expect(batches[0]?.valid.shape).toEqual([]);
    batches.forEach(({ images, labels }, step) => {
      for (let at = 0; at < 8; at++) {
        const place = 45 + step * 8 + at;
        const expected = place < 66 ? pack.pixels[place] : new Uint8Array(3072);
        expect(row(images.data, at, 8)).toEqual(expected);
        expect(labels.data[at]).toBe(pack.index.pictures[place]?.label ?? -1);
      }
    });
    const half = pack.data.batches({ kind: "in-order", pictures: { split: "test", first: 2 }, batch: 8, size: 16 });
    expect((await half.at(0)).images.shape).toEqual([8, 16, 16, 3]);
  });
});

describe("refusals", () => {
  it.each<[string, object, RegExp]>([
    ["a wrong option", { kind: "one-view", ...common, views: noViews, batch: 0 }, /^batch: /],
    ["a wrong view", { kind: "one-view", ...common, views: { ...noViews, flip: 2 } }, /^views\.flip: /],
    ["an unknown option", { kind: "in-order", ...common, sied: 3 }, /sied/],
    [
      "an empty selection",
      { kind: "in-order", pictures: { split: "test", labelled: true }, batch: 1, size: 32 },
      /no labelled pictures for test/,
    ],
  ])("name %s", (_, spec, message) => {
    expect(() => pack.data.batches(spec as never)).toThrow(message);
  });

  it("name steps that there are not", async () => {
    const endless = pack.data.batches({ kind: "one-view", ...common, views: noViews });
    const source = pack.data.batches({ kind: "in-order", pictures: { split: "test" }, batch: 8, size: 32 });
    for (const step of [-1, 0.5, Number.NaN])
      await expect(endless.at(step)).rejects.toMatchObject({ name: "BatchOptionsError" });
    await expect(source.at(3)).rejects.toThrow(/no batch 3/);
  });

  it("name labels that are missing", async () => {
    await using own = await openPack({ train: 4 });
    const index = {
      ...own.index,
      classes: [],
      pictures: own.index.pictures.map((picture) => ({ ...picture, label: null })),
    };
    await using data = await Dataset.open({ pictures: join(own.folder, "pictures.u8"), index });
    expect(() => data.batches({ kind: "labelled", ...common, views: noViews })).toThrow(
      /the pictures for train have none/,
    );
  });

  it("name a pack that is not whole", async () => {
    await using own = await openPack({ train: 4 });
    const pictures = join(own.folder, "pictures.u8");
    await using data = await Dataset.open({ pictures, index: own.index });
    await truncate(pictures, 2 * 3072);
    const source = data.batches({ kind: "in-order", pictures: { split: "train" }, batch: 4, size: 32 });
    await expect(source.at(0)).rejects.toMatchObject({
      name: "CorruptPack",
      exitCode: 76,
      message: `${pictures} ends before picture 2`,
    });
    await expect(Dataset.open({ pictures, index: own.index })).rejects.toThrow(/holds 2 pictures and its index 4/);
    await writeFile(pictures, "x");
    await expect(Dataset.open({ pictures, index: own.index })).rejects.toThrow(/has 1 bytes/);
    await expect(Dataset.open({ pictures, index: Buffer.from("{}") })).rejects.toMatchObject({ name: "CorruptPack" });
    await expect(Dataset.open({ pictures: `${pictures}.no`, index: own.index })).rejects.toThrow(
      /cannot be read \(ENOENT\)/,
    );
  });
});

it("fails what is under way when it is closed, and everything after", async () => {
  await using own = await openPack({ train: 20 });
  const source = own.data.batches({ kind: "two-views", ...common, views: allViews });
  await source.at(0);
  const pending = [1, 2, 3].map((step) => source.at(step));
  await own.data.close();
  for (const batch of [...pending, source.at(4)]) await expect(batch).rejects.toMatchObject({ name: "WorkerFailed" });
  await own.data.close();
});
