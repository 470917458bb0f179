import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, temporaryFolder, temporaryStore } from "../test/temporary-store.ts";
import { CorruptObject, ObjectMissing, StoreFormatError, StoreMissing, StoreNotWritable } from "./errors.ts";
import { digestOf } from "./sha256.ts";
import { names, Store } from "./store.ts";

const nowhere = "0".repeat(64);

describe("opening", () => {
  it("makes a store in a new folder and finds it again", async () => {
    const folder = join(temporaryFolder(), "a", "b");
    await expect(Store.open(folder)).rejects.toThrow(StoreMissing);
    await Store.open(folder, { create: true });
    expect(JSON.parse(readFileSync(join(folder, "FORMAT"), "utf8"))).toEqual({ format: 1 });
    await Store.open(folder);
    await Store.open(folder, { create: true });
  });

  it("refuses a store of a newer version with exit code 76", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "FORMAT"), '{"format": 2, "what": "ever"}');
    const opened = Store.open(folder, { create: true });
    await expect(opened).rejects.toMatchObject({ exitCode: 76, path: join(folder, "FORMAT") });
    await expect(opened).rejects.toThrow(`${folder}/FORMAT has format 2, and this version knows formats up to 1`);
  });

  it("refuses a folder that holds something else, and an empty one that it may not make a store", async () => {
    const folder = temporaryFolder();
    await expect(Store.open(folder)).rejects.toThrow("it is empty");
    writeFileSync(join(folder, "holiday.jpg"), "");
    await expect(Store.open(folder, { create: true })).rejects.toThrow(StoreFormatError);
    await expect(Store.open(folder, { create: true })).rejects.toThrow("it holds holiday.jpg, and no FORMAT file");
  });

  it("refuses a file, and a folder within a file", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expect(Store.open(file, { create: true })).rejects.toThrow(StoreFormatError);
    await expect(Store.open(join(file, "store"), { create: true })).rejects.toThrow(StoreFormatError);
  });

  it("refuses a damaged FORMAT", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "FORMAT"), "{");
    await expect(Store.open(folder)).rejects.toMatchObject({ exitCode: 76 });
  });

  it("makes one store when two begin at once", async () => {
    const folder = join(temporaryFolder(), "new");
    await Promise.all([1, 2, 3].map(() => Store.open(folder, { create: true })));
    await Store.open(folder);
  });
});

describe("blobs", () => {
  it("come back, whole and in parts", async () => {
    const { store } = await temporaryStore();
    const ref = await store.putBlob(bytesOf("hello"));
    expect(ref).toEqual({ digest: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", bytes: 5 });
    expect(await store.getBlob(ref.digest)).toEqual(bytesOf("hello"));
    expect((await store.getBlob(ref.digest)).buffer.byteLength).toBe(5);
    expect(readFileSync(await store.blobFile(ref.digest), "utf8")).toBe("hello");
  });

  it("are refused with the file's name when a bit changed", async () => {
    const { store, folder } = await temporaryStore();
    const { digest } = await store.putBlob(bytesOf("hello"));
    const path = join(folder, names.blob(digest));
    writeFileSync(path, "hellp");
    const refusal = {
      name: "CorruptObject",
      exitCode: 76,
      path,
      remedy: expect.stringContaining("peco artifacts verify"),
    };
    await expect(store.getBlob(digest)).rejects.toMatchObject(refusal);
    await expect(store.blobFile(digest)).rejects.toMatchObject(refusal);
    await expect(store.getBlob(nowhere)).rejects.toThrow(ObjectMissing);
    await expect(store.blobFile(nowhere)).rejects.toThrow(ObjectMissing);
  });
});

describe("artifacts", () => {
  it("have a digest of their content alone", async () => {
    const [a, b] = [await temporaryStore(), await temporaryStore()];
    const digests = await Promise.all(
      [a, b].map(async ({ store }, i) => {
        const blob = await store.putBlob(bytesOf("weights"));
        const meta = i === 0 ? { x: 1, y: [2] } : { y: [2], x: 1 };
        return store.publish({ kind: "classifier", blobs: { "weights.safetensors": blob }, inputs: {}, meta });
      }),
    );
    expect(digests[0]).toBe(digests[1]);
    const content = {
      format: 1,
      kind: "classifier",
      blobs: { "weights.safetensors": await a.store.putBlob(bytesOf("weights")) },
      inputs: {},
      meta: { x: 1, y: [2] },
    };
    expect(digests[0]).toBe(digestOf(content));
    expect(await a.store.manifest(digests[0] as string)).toEqual(content);
    expect(await a.store.artifactBlob(digests[0] as string, "weights.safetensors")).toEqual(bytesOf("weights"));
    await expect(a.store.artifactBlob(digests[0] as string, "other")).rejects.toThrow(
      'blob "other" of a classifier is not in the store',
    );
  });

  it("are refused when a blob or an input is missing or short", async () => {
    const { store, folder } = await temporaryStore();
    const blob = await store.putBlob(bytesOf("weights"));
    const publish = (blobs: Record<string, typeof blob>, inputs: Record<string, string>) =>
      store.publish({ kind: "k", blobs, inputs, meta: {} });
    await expect(publish({ w: { digest: nowhere, bytes: 1 } }, {})).rejects.toThrow(
      'blob "w" of the new k is not in the store',
    );
    await expect(publish({}, { data: nowhere })).rejects.toThrow('input "data" of the new k is not in the store');
    truncateSync(join(folder, names.blob(blob.digest)), 3);
    await expect(publish({ w: blob }, {})).rejects.toThrow(ObjectMissing);
    expect(await store.artifacts()).toEqual([]);
  });

  it("show what they were made from, what is used before what uses it", async () => {
    const { store } = await temporaryStore();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
        async (shape) => {
          const made: string[] = [];
          for (const [i, uses] of shape.entries()) {
            const inputs = i === 0 ? {} : Object.fromEntries(uses.map((n, j) => [`in${j}`, made[n % i] as string]));
            made.push(await store.publish({ kind: "k", blobs: {}, inputs, meta: { i, shape } }));
          }
          const lineage = await store.lineage(made.at(-1) as string);
          const order = lineage.map(({ digest }) => digest);
          expect(new Set(order).size).toBe(order.length);
          expect(order.at(-1)).toBe(made.at(-1));
          for (const { digest, manifest } of lineage) {
            for (const input of Object.values(manifest.inputs)) {
              expect(order.indexOf(input)).toBeGreaterThanOrEqual(0);
              expect(order.indexOf(input)).toBeLessThan(order.indexOf(digest));
            }
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it("are refused when the manifest changed, is newer, or was never there", async () => {
    const { store, folder } = await temporaryStore();
    const digest = await store.publish({ kind: "k", blobs: {}, inputs: {}, meta: {} });
    appendFileSync(join(folder, names.manifest(digest)), " ");
    await expect(store.manifest(digest)).rejects.toThrow(CorruptObject);
    await expect(store.manifest(nowhere)).rejects.toThrow(ObjectMissing);
    await expect(store.manifest("../FORMAT")).rejects.toThrow(ObjectMissing);
    const newer = await store.backend.putContent(bytesOf('{"format":2}'), names.manifest);
    await expect(store.manifest(newer.digest)).rejects.toThrow(StoreFormatError);
  });
});

describe("results", () => {
  const parts = { stage: "data", version: 1 };
  const key = digestOf(parts);
  const result = (artifact: string) => ({ stage: "data", parts, artifact, metrics: { a: 1 }, record: { seconds: 2 } });

  it("are found by key once a stage has finished", async () => {
    const { store } = await temporaryStore();
    expect(await store.result(key)).toEqual({ state: "absent" });
    const artifact = await store.publish({ kind: "data", blobs: {}, inputs: {}, meta: {} });
    expect(await store.finish(key, result(artifact))).toEqual({ replaced: null });
    expect(await store.result(key)).toEqual({ state: "hit", result: { format: 1, key, ...result(artifact) } });
    expect(await store.results("data")).toHaveLength(1);
    expect(await store.results("evaluate")).toEqual([]);
  });

  it("say when a stage gave another artifact than before under the same key", async () => {
    const { store } = await temporaryStore();
    const [a, b] = await Promise.all(
      [1, 2].map((x) => store.publish({ kind: "data", blobs: {}, inputs: {}, meta: { x } })),
    );
    await store.finish(key, result(a as string));
    expect(await store.finish(key, result(a as string))).toEqual({ replaced: null });
    expect(await store.finish(key, result(b as string))).toEqual({ replaced: a });
  });

  it("need an artifact and the key of their parts", async () => {
    const { store } = await temporaryStore();
    await expect(store.finish(key, result(nowhere))).rejects.toThrow(ObjectMissing);
    await expect(store.finish(nowhere, result(nowhere))).rejects.toThrow("not the digest of its parts");
    expect(await store.result(key)).toEqual({ state: "absent" });
  });

  it("are incomplete when the artifact lost a part, and say which", async () => {
    const { store, folder } = await temporaryStore();
    const blob = await store.putBlob(bytesOf("12345"));
    const artifact = await store.publish({ kind: "data", blobs: { pictures: blob }, inputs: {}, meta: {} });
    await store.finish(key, result(artifact));
    const problem = async () => store.result(key);
    truncateSync(join(folder, names.blob(blob.digest)), 4);
    expect(await problem()).toEqual({
      state: "incomplete",
      problem: 'its blob "pictures" has 4 bytes and should have 5',
    });
    rmSync(join(folder, names.blob(blob.digest)));
    expect(await problem()).toEqual({ state: "incomplete", problem: 'its blob "pictures" is missing' });
    writeFileSync(join(folder, names.manifest(artifact)), "{}");
    expect(await problem()).toEqual({ state: "incomplete", problem: "its manifest is damaged" });
    rmSync(join(folder, names.manifest(artifact)));
    expect(await problem()).toEqual({ state: "incomplete", problem: "its manifest is missing" });
    writeFileSync(join(folder, names.result(key)), '{"format":1}');
    expect(await problem()).toEqual({ state: "incomplete", problem: "its file is damaged" });
    expect(await store.results()).toEqual([]);
  });
});

it("cannot write where a file lies in place of a folder", async () => {
  const { store, folder } = await temporaryStore();
  writeFileSync(join(folder, "blobs"), "");
  await expect(store.putBlob(bytesOf("x"))).rejects.toThrow(StoreNotWritable);
});
