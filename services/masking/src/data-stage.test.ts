import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DecodedIndex, generatedClasses, packIndex } from "@peco/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDataStage, tiny } from "../test/run-data-stage.ts";
import { openDataset } from "./batches-service.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-data-stage-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const indexOf = async ({ store, artifact }: Awaited<ReturnType<typeof runDataStage>>) =>
  packIndex.parse(JSON.parse(new TextDecoder().decode(await store.artifactBlob(artifact, "index.json"))));

describe("the generated set", () => {
  it("is packed with labels, splits, masks and boxes, and found finished afterwards", async () => {
    const first = await runDataStage(at("a"));
    const { classes, pictures, skipped } = (await indexOf(first)) as DecodedIndex;
    expect(classes).toEqual(generatedClasses);
    expect(pictures.map(({ split }) => split)).toEqual([
      ...Array(48).fill("train"),
      ...Array(8).fill("validation"),
      ...Array(20).fill("test"),
    ]);
    expect(pictures.filter(({ split, labelled }) => split === "train" && labelled)).toEqual(pictures.slice(0, 16));
    expect(skipped).toEqual([]);
    expect(first.metrics).toMatchObject({ images: 76, classes: 16, train: 48, labelled: 16, validation: 8, test: 20 });
    const { blobs } = await first.store.manifest(first.artifact);
    expect(Object.keys(blobs).sort()).toEqual(["boxes.json", "index.json", "masks.npy", "pictures.u8"]);
    expect(blobs["pictures.u8"]?.bytes).toBe(76 * 32 * 32 * 3);
    expect(await readdir(at("a/tmp"))).toEqual([]);
    expect((await runDataStage(at("a"))).cached).toBe(true);
    // version 2 of the stage: whoever changes this raises the version in libs/recipes
    expect(first.artifact).toMatchInlineSnapshot(`"0ed5769c784ef9b910283d4db20b2aa68aa6b8575883374a4f5b2eab250df30e"`);
  });

  it("gives the same artifact in another store, and another for another seed", async () => {
    const [a, b, c] = await Promise.all([
      runDataStage(at("a")),
      runDataStage(at("b")),
      runDataStage(at("c"), { seed: 2n ** 63n }),
    ]);
    expect(b.cached).toBe(false);
    expect(b.artifact).toBe(a.artifact);
    expect(c.artifact).not.toBe(a.artifact);
  });

  it("is made again where a part of its files is left from a kill", async () => {
    const { artifact } = await runDataStage(at("d"));
    const [name] = await readdir(at("d/generated"));
    await rm(at(`d/generated/${name}/annotations.json`));
    await writeFile(at(`d/generated/${name}/train/${generatedClasses[0]}/999999.png`), "left behind");
    await rm(at("d/results"), { recursive: true });
    const again = await runDataStage(at("d"));
    expect(again).toMatchObject({ cached: false, artifact });
  });
});

describe("a folder", () => {
  it("is packed alike wherever it lies, and what was left out and copied is told", async () => {
    const { store } = await runDataStage(at("a"));
    const [set] = await readdir(join(at("a/generated")));
    const made = at(`a/generated/${set}/train`);
    for (const place of ["p", "q q/ü 'x'"]) {
      for (const [label, name] of generatedClasses.slice(0, 2).entries()) {
        await mkdir(at(`${place}/class ${label}`), { recursive: true });
        const files = (await readdir(made, { recursive: true })).filter((file) => file.endsWith(".png")).sort();
        for (const [number, file] of files.slice(label * 8, label * 8 + 8).entries()) {
          await copyFile(join(made, file), at(`${place}/class ${label}/${name} ${number}.png`));
        }
      }
      await writeFile(at(`${place}/class 0/broken.jpg`), "no picture");
      await copyFile(at(`${place}/class 0/${generatedClasses[0]} 0.png`), at(`${place}/class 0/copy.png`));
    }
    const one = await runDataStage(at("a"), { pictures: at("p") });
    expect(one.notes).toEqual([
      "class folders: 17 pictures, 2 classes; split: 20 % of each class for the test and 10 % of the rest for validation, by the order of the contents' SHA-256 within each class, byte copies together",
      "files left out: 1: class 0/broken.jpg is no picture of a known format",
      "1 of the files are byte copies of others, 0 of them across the split",
    ]);
    expect(await indexOf(one)).toMatchObject({
      classes: ["class 0", "class 1"],
      skipped: [{ name: "class 0/broken.jpg", reason: "is no picture of a known format" }],
      copies: { files: 1, acrossSplits: 0, acrossClasses: 0 },
    });
    const two = await runDataStage(at("e"), { pictures: at("q q/ü 'x'"), seed: 7n });
    expect(two.artifact).toBe(one.artifact);
    await using data = await openDataset(store, one.artifact);
    const place = [...data.pictures].findIndex(({ name }) => name === "class 0/copy.png");
    const twin = [...data.pictures].findIndex(({ name }) => name === `class 0/${generatedClasses[0]} 0.png`);
    expect(await data.picture(place)).toEqual(await data.picture(twin));
  });

  it("stops at a broken file where the recipe says so, and leaves nothing behind", async () => {
    const recipe = tiny(["data.folder.onCorrupt=fail"]);
    await expect(runDataStage(at("f"), { recipe, pictures: at("p") })).rejects.toMatchObject({
      name: "CorruptPicture",
      message: "class 0/broken.jpg is no picture of a known format",
      path: at("p/class 0/broken.jpg"),
      exitCode: 65,
    });
    expect(await readdir(at("f/tmp"))).toEqual([]);
    expect(await readdir(at("f/manifests")).catch(() => [])).toEqual([]);
  });
});

it("stops when it is told to", async () => {
  const cancel = new AbortController();
  const running = runDataStage(at("g"), { recipe: tiny(["data.generated.train=20000"]), signal: cancel.signal });
  setTimeout(() => cancel.abort(), 300);
  await expect(running).rejects.toMatchObject({ name: "Cancelled", exitCode: 130 });
});

it("writes masks that NumPy can read", async () => {
  const [set] = await readdir(at("a/generated"));
  const bytes = await readFile(at(`a/generated/${set}/masks.npy`));
  const header = 10 + bytes.readUInt16LE(8);
  expect(bytes.toString("latin1", 10, header)).toMatch(
    /'descr': '\|u1', 'fortran_order': False, 'shape': \(76, 32, 32,\), } *\n$/,
  );
  expect(bytes.length).toBe(header + 76 * 32 * 32);
});
