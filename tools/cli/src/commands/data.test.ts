import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/example-store.ts";
import { dataInspectCommand, dataInspectDocument } from "./data-inspect.ts";
import { dataPackCommand, dataPackDocument } from "./data-pack.ts";
import { dataVerifyCommand, dataVerifyDocument } from "./data-verify.ts";

/** Ten pictures of each of three classes, of different sizes, and a broken one. */
async function pictures(): Promise<string> {
  const folder = join(temporaryFolder(), "pictures");
  for (let at = 0; at < 30; at++) {
    const background = { r: (at * 8) % 256, g: (at * 40) % 256, b: 99 };
    const png = await sharp({ create: { width: 40 + at, height: 50, channels: 3, background } })
      .png()
      .toBuffer();
    put(join(folder, ["ant", "bee", "cat"][at % 3] as string), `${at}.png`, png);
  }
  put(join(folder, "ant"), "broken.jpg", "no picture");
  return folder;
}

function put(folder: string, name: string, bytes: Uint8Array | string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
}

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  vi.stubEnv("XDG_CACHE_HOME", join(home, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const common = { recipe: "tiny" };
const packed = async (form: "encoded" | "decoded") => {
  const [folder, store] = [await pictures(), join(home, "store")];
  const answer = await dataPackCommand({ folder, store, form, ...common });
  return { folder, store, answer, document: dataPackDocument.parse(answer.document) };
};

describe("data pack", () => {
  it("says what it found, how it is split and what it left out, and finds it finished the next time", async () => {
    const { folder, store, answer, document } = await packed("encoded");
    expect(document).toMatchObject({
      cached: false,
      source: "class folders",
      form: "encoded",
      pictures: 30,
      counts: { train: 21, validation: 3, test: 6, labelled: 21 },
      perClass: { train: { min: 7, median: 7, max: 7 } },
      skipped: [{ name: "ant/broken.jpg", reason: "is no picture of a known format" }],
      split: { kind: "content-hash" },
      sizes: { height: { min: 50, max: 50 }, width: { min: 40, median: 54, max: 69 } },
      side: null,
    });
    expect(document.classes[1]).toEqual({ name: "bee", train: 7, validation: 1, test: 2, labelled: 7 });
    expect(answer.text).toMatch(/source +class folders/);
    expect(answer.text).toContain("ant/broken.jpg is no picture of a known format");
    const again = dataPackDocument.parse(
      (await dataPackCommand({ folder, store, form: "encoded", ...common })).document,
    );
    expect([again.cached, again.artifact]).toEqual([true, document.artifact]);
  });

  it("packs pixels at another size where that is asked", async () => {
    const { folder, store } = await packed("decoded");
    const { document } = await dataPackCommand({ folder, store, size: 64, ...common });
    expect(document).toMatchObject({ form: "decoded", side: 64, sizes: null });
  });
});

describe("data inspect", () => {
  it("shows the same of a folder as of what was packed from it, but for what cannot be decoded", async () => {
    const { folder, store, document } = await packed("encoded");
    rmSync(join(folder, "ant/broken.jpg"));
    const sheet = join(home, "sheet.png");
    const options = { ...common, store, json: true };
    const one = dataInspectDocument.parse((await dataInspectCommand({ what: folder, ...options })).document);
    const two = dataInspectDocument.parse(
      (await dataInspectCommand({ what: document.artifact.slice(0, 8), sheet, ...options })).document,
    );
    expect(two).toEqual({
      ...one,
      artifact: document.artifact,
      folder: null,
      digest: null,
      skipped: document.skipped,
      sheet: two.sheet,
    });
    const texts = [folder, document.artifact].map(
      async (what) => (await dataInspectCommand({ what, ...options })).text,
    );
    const [ofFolder, ofPacked] = await Promise.all(texts);
    expect(ofFolder).toMatch(/left out +known when they are packed/);
    expect(ofPacked).toMatch(/left out +1 file\n/);
    expect(two.index.length).toBe(30);
    expect(two.sheet?.pictures.length).toBe(21);
    expect(await sharp(sheet).metadata()).toMatchObject({ format: "png", width: 6 + 8 * 102, height: 6 + 3 * 102 });
  });

  it("refuses an artifact of another kind, and a place where no sheet can be written", async () => {
    const { folder, store: path } = await packed("encoded");
    const store = await Store.open(path);
    const blobs = { x: await store.putBlob(Buffer.from("x")) };
    const other = await store.publish({ kind: "tokenizer", blobs, inputs: {}, meta: {} });
    await expect(dataInspectCommand({ what: other, store: path, ...common })).rejects.toThrow(
      /holds no pictures: it is a tokenizer/,
    );
    const sheet = join(home, "no/sheet.png");
    await expect(dataInspectCommand({ what: folder, sheet, ...common })).rejects.toMatchObject({ exitCode: 73 });
  });
});

describe("data verify", () => {
  it("finds a pack whole and its folder the same, and names what is missing, changed or new there", async () => {
    const { folder, store, document } = await packed("encoded");
    const same = await dataVerifyCommand({ artifact: document.artifact, folder, store });
    expect(same.exitCode).toBe(0);
    expect(dataVerifyDocument.parse(same.document)).toMatchObject({
      whole: true,
      pictures: 30,
      folder: { same: true },
    });
    const other = join(home, "other");
    await cp(folder, other, { recursive: true });
    rmSync(join(other, "bee/1.png"));
    writeFileSync(join(other, "cat/2.png"), readFileSync(join(other, "cat/5.png")));
    writeFileSync(join(other, "ant/more.png"), readFileSync(join(other, "cat/8.png")));
    const differs = await dataVerifyCommand({ artifact: document.artifact, folder: other, store });
    expect(differs.exitCode).toBe(76);
    expect(differs.document).toMatchObject({
      whole: true,
      folder: { same: false, missing: ["bee/1.png"], changed: ["cat/2.png"], new: ["ant/more.png"] },
    });
    expect(differs.text).toContain(`missing in ${other}: bee/1.png`);
  });

  it.each(["encoded", "decoded"] as const)("finds a changed byte and a file that is cut off (%s)", async (form) => {
    const { store: path, document } = await packed(form);
    const store = await Store.open(path);
    const { blobs } = await store.manifest(document.artifact);
    const blob = store.blobPath(
      (form === "encoded" ? blobs["pictures-00000.bin"] : blobs["pictures.u8"])?.digest ?? "",
    );
    const content = readFileSync(blob);
    content[100] = (content[100] as number) ^ 1;
    writeFileSync(blob, content);
    const changed = await dataVerifyCommand({ artifact: document.artifact, store: path });
    expect([changed.exitCode, (changed.document as { whole: boolean }).whole]).toEqual([76, false]);
    expect(changed.text).toContain(blob);
    truncateSync(blob, 50);
    expect((await dataVerifyCommand({ artifact: document.artifact, store: path })).exitCode).toBe(76);
  });
});
