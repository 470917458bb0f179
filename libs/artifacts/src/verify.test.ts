import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newRun } from "../test/new-run.ts";
import { bytesOf, temporaryStore } from "../test/temporary-store.ts";
import { digestOf } from "./sha256.ts";
import { names } from "./store.ts";
import { verify } from "./verify.ts";

async function small() {
  const { store, folder } = await temporaryStore();
  const dataBlob = await store.putBlob(bytesOf("pictures"));
  const data = await store.publish({ kind: "data", blobs: { pictures: dataBlob }, inputs: {}, meta: {} });
  const modelBlob = await store.putBlob(bytesOf("weights"));
  const model = await store.publish({ kind: "model", blobs: { weights: modelBlob }, inputs: { data }, meta: {} });
  const parts = { stage: "model" };
  const key = digestOf(parts);
  await store.finish(key, { stage: "model", parts, artifact: model, metrics: {}, record: {} });
  await store.checkpoints(key).save({ step: 1, blobs: { state: bytesOf("state") } });
  const run = await store.runs.create(await newRun());
  await (await store.lease("f".repeat(64), "someone")).heartbeat();
  return { store, folder, data, dataBlob, model, modelBlob, key, run };
}

describe("verify", () => {
  it("finds a whole store whole, and counts what it read", async () => {
    const { store, data } = await small();
    // two blobs, two manifests, one result, one run, one lease, and of the checkpoint pointer, manifest and blob
    expect(await verify(store, "all")).toMatchObject({ damage: [], objects: 10 });
    expect(await verify(store, data)).toMatchObject({ damage: [], objects: 2 });
  });

  it("finds a changed bit in an artifact's lineage, and removes it when asked", async () => {
    const { store, folder, model, dataBlob } = await small();
    const path = join(folder, names.blob(dataBlob.digest));
    writeFileSync(path, "picturez");
    expect((await verify(store, model)).damage).toEqual([
      { path, problem: "its bytes do not match its name", removed: false },
    ]);
    expect((await verify(store, model, { remove: true })).damage).toEqual([
      { path, problem: "its bytes do not match its name", removed: true },
    ]);
    const missing = (await verify(store, model)).damage;
    expect(missing).toEqual([
      { path, problem: expect.stringContaining('blob "pictures" of the data '), removed: false },
    ]);
  });

  it("finds every kind of damage in one pass", async () => {
    const { store, folder, model, modelBlob, key, run, dataBlob } = await small();
    rmSync(join(folder, names.blob(dataBlob.digest)));
    appendFileSync(join(folder, names.blob(modelBlob.digest)), "!");
    appendFileSync(join(folder, names.manifest(model)), " ");
    appendFileSync(join(folder, "runs", run.id, "run.json"), "}");
    appendFileSync(join(folder, "leases", `${"f".repeat(64)}.pointer`, "2.json"), "}");
    appendFileSync(join(folder, "checkpoints", key, "newest.pointer", "1.json"), "}");
    writeFileSync(join(folder, names.result("9".repeat(64))), "[]");
    const paths = (await verify(store, "all")).damage.map(({ path }) => path.slice(folder.length + 1)).sort();
    expect(paths).toEqual(
      [
        names.blob(dataBlob.digest),
        names.blob(modelBlob.digest),
        names.manifest(model),
        names.result(key),
        names.result("9".repeat(64)),
        `runs/${run.id}/run.json`,
        `leases/${"f".repeat(64)}.pointer`,
        `checkpoints/${key}/newest.pointer`,
      ].sort(),
    );
    await verify(store, "all", { remove: true });
    // what is left to say is what is missing
    const left = (await verify(store, "all")).damage.map(({ path }) => path.slice(folder.length + 1));
    expect(left).toEqual([names.blob(dataBlob.digest)]);
    expect(await store.result(key)).toEqual({ state: "absent" });
    await (await store.lease("f".repeat(64), "next")).release();
  });

  it("says of an artifact that was never there that it is missing", async () => {
    const { store } = await small();
    expect((await verify(store, "0".repeat(64))).damage).toHaveLength(1);
  });
});
