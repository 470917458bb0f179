import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fold, key } from "@peco/random";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dataset } from "./dataset.ts";
import { generatedPicture } from "./generated-picture.ts";
import { identifyFolder } from "./identify-folder.ts";
import { packFolder } from "./pack-data.ts";
import { encodePng } from "./png.ts";

const SIDE = 16;
let root: string;
let out: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "peco-pack-"));
  out = `${root}.u8`;
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
  await rm(out, { force: true });
});

const pixelsOf = (content: number) => generatedPicture(fold(key(1), content), SIDE).pixels;

async function put(name: string, content: number): Promise<void> {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), encodePng(pixelsOf(content), SIDE));
}

const pack = async (more: { onCorrupt?: "skip" | "fail" } = {}) => {
  const folder = await identifyFolder(root, { memory: null });
  const options = { onCorrupt: "skip" as const, testShare: 0.2, validationShare: 0.1, labelledShare: 1, ...more };
  return packFolder(folder, { form: "decoded", out, side: SIDE }, options);
};

describe("packFolder", () => {
  it("packs a flat folder without labels", async () => {
    for (let at = 0; at < 20; at++) await put(`${at}.png`, at);
    const { index, table, meta } = await pack();
    expect(meta).toMatchObject({
      source: "folder",
      classes: [],
      counts: { train: 14, validation: 2, test: 4, labelled: 0, skipped: 0, copies: 0, copiesAcrossSplits: 0 },
      preprocessing: { size: SIDE, alpha: "on white" },
    });
    expect([...table].every(({ label, labelled }) => label === null && !labelled)).toBe(true);
    await using data = await Dataset.open({ pictures: out, index });
    for (const [place, { name }] of [...table].entries())
      expect((await data.picture(place)).data).toEqual(pixelsOf(Number.parseInt(name, 10)));
    const test = data.batches({ kind: "in-order", pictures: { split: "test" }, batch: 4, size: SIDE });
    expect([...(await test.at(0)).labels.data]).toEqual([-1, -1, -1, -1]);
  });

  it("packs {train,val} as they are and counts what lies in both", async () => {
    for (let at = 0; at < 12; at++) await put(`train/${at % 2 ? "odd" : "even"}/${at}.png`, at);
    for (let at = 10; at < 16; at++) await put(`val/${at % 2 ? "odd" : "even"}/${at}.png`, at);
    const { index, table, meta } = await pack();
    expect(meta.counts).toMatchObject({
      train: 10,
      validation: 2,
      test: 6,
      labelled: 10,
      copies: 2,
      copiesAcrossSplits: 2,
    });
    for (const { name, split, label } of table) {
      expect(split === "test").toBe(name.startsWith("val/"));
      expect(index.classes[label as number]).toBe(name.split("/")[1]);
    }
  });

  it("gives the same index and bytes from another folder, with files written in another order", async () => {
    for (let at = 0; at < 24; at++) await put(`${at % 3}/${at}.png`, at);
    const first = await pack();
    const bytes = await readFile(out);
    await rm(root, { recursive: true });
    for (let at = 23; at >= 0; at--) await put(`${at % 3}/${at}.png`, at);
    expect(await pack()).toEqual(first);
    expect((await readFile(out)).equals(bytes)).toBe(true);
  });

  it("packs in the order of the hashes, and leaves broken files out by name", async () => {
    for (let at = 0; at < 30; at++) await put(`${at % 2}/${at}.png`, at);
    await writeFile(join(root, "0/a.png"), (await readFile(join(root, "0/2.png"))).subarray(0, 200));
    await writeFile(join(root, "1/b.jpg"), "");
    const { index, table } = await pack();
    expect(index.skipped).toEqual([
      { name: "0/a.png", reason: "is damaged or cut off" },
      { name: "1/b.jpg", reason: "is empty" },
    ]);
    expect([...table].map(({ hash }) => hash)).toEqual([...table].map(({ hash }) => hash).sort());
    await using data = await Dataset.open({ pictures: out, index });
    for (const [place, { name }] of [...table].entries())
      expect((await data.picture(place)).data).toEqual(pixelsOf(Number.parseInt(name.slice(2), 10)));
  });

  it("refuses a class of which too few can be decoded", async () => {
    for (let at = 0; at < 20; at++) await put(`${at % 2}/${at}.png`, at);
    for (let at = 1; at < 14; at += 2) await writeFile(join(root, `1/${at}.png`), `broken ${at}`);
    await expect(pack()).rejects.toMatchObject({
      name: "ClassTooSmall",
      message: "the class 1 has 3 different pictures, and needs at least 5",
    });
  });

  it("stops at a file that changed, or went, since it was identified", async () => {
    for (let at = 0; at < 10; at++) await put(`${at}.png`, at);
    const folder = await identifyFolder(root, { memory: null });
    const options = { onCorrupt: "skip" as const, testShare: 0.2, validationShare: 0.1, labelledShare: 1 };
    const form = { form: "decoded" as const, out, side: SIDE };
    await put("3.png", 99);
    const changed = {
      name: "FileChanged",
      exitCode: 75,
      path: join(root, "3.png"),
      message: "3.png changed or went away while the pictures were read",
    };
    await expect(packFolder(folder, form, options)).rejects.toMatchObject(changed);
    await rm(join(root, "3.png"));
    await expect(packFolder(folder, form, options)).rejects.toMatchObject(changed);
  });

  it.runIf(process.platform === "linux")("leaves out a file that cannot be read, or stops at it", async () => {
    for (let at = 0; at < 10; at++) await put(`${at}.png`, at);
    await symlink("/proc/self/mem", join(root, "secret.png"));
    expect((await pack()).index.skipped).toEqual([
      { name: "secret.png", reason: expect.stringMatching(/^cannot be read \(E[A-Z]+\)$/) },
    ]);
    await expect(pack({ onCorrupt: "fail" })).rejects.toMatchObject({
      name: "CorruptPicture",
      path: join(root, "secret.png"),
    });
  });
});
