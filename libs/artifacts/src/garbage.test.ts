import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newRun } from "../test/new-run.ts";
import { bytesOf, temporaryStore } from "../test/temporary-store.ts";
import { collect, isLeased, usage } from "./garbage.ts";
import { encode } from "./json-file.ts";
import { leaseName } from "./lease.ts";
import type { RunStage } from "./schemas.ts";
import { digestOf } from "./sha256.ts";
import { names, type Store } from "./store.ts";

/** Everything in a store becomes an hour old. */
function age(folder: string): void {
  const then = new Date(Date.now() - 3_600_000);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    utimesSync(join(entry.parentPath, entry.name), then, then);
}

async function artifact(store: Store, text: string, inputs: Record<string, string> = {}): Promise<string> {
  return store.publish({ kind: "k", blobs: { b: await store.putBlob(bytesOf(text)) }, inputs, meta: {} });
}

async function finished(store: Store, stage: string, digest: string): Promise<string> {
  const key = digestOf({ stage });
  await store.finish(key, { stage, parts: { stage }, artifact: digest, metrics: {}, record: {} });
  return key;
}

const ran = (key: string, digest: string): RunStage => ({
  name: "data",
  seed: "1",
  state: "ran",
  key,
  artifact: digest,
  seconds: 1,
  metrics: {},
});

describe("collecting", () => {
  it("takes only what neither a result nor a run leads to", async () => {
    const { store, folder } = await temporaryStore();
    const input = await artifact(store, "input of a result");
    await finished(store, "a", await artifact(store, "of a result", { input }));
    const ofRun = await artifact(store, "of a run");
    await store.runs.create(await newRun({ stages: [ran("0".repeat(64), ofRun)] }));
    const useless = await artifact(store, "nobody's", { input });
    const alone = await store.putBlob(bytesOf("a blob alone"));
    age(folder);
    const said = await collect(store, { dryRun: true });
    expect(await store.artifacts()).toHaveLength(4);
    expect(await collect(store)).toEqual(said);
    expect(said.map(({ kind }) => kind)).toEqual(["manifest", "blob", "blob"]);
    expect(said.map(({ name }) => name)).toContain(names.manifest(useless));
    expect(said.map(({ name }) => name)).toContain(names.blob(alone.digest));
    expect(await store.artifacts()).toHaveLength(3);
    expect(await collect(store)).toEqual([]);
  });

  it("takes results that no run refers to only when asked", async () => {
    const { store, folder } = await temporaryStore();
    const kept = await artifact(store, "kept");
    const key = await finished(store, "a", kept);
    await store.runs.create(await newRun({ stages: [ran(key, kept)] }));
    const dropped = await finished(store, "b", await artifact(store, "dropped"));
    age(folder);
    expect(await collect(store)).toEqual([]);
    expect((await collect(store, { unusedResults: true })).map(({ kind }) => kind)).toEqual([
      "result",
      "manifest",
      "blob",
    ]);
    expect(await store.result(key)).toMatchObject({ state: "hit" });
    expect(await store.result(dropped)).toEqual({ state: "absent" });
  });

  it("takes nothing that was written since a live lease began", async () => {
    const { store, folder } = await temporaryStore();
    const reused = await store.putBlob(bytesOf("written long ago, and about to be used again"));
    age(folder);
    await using lease = await store.lease("a".repeat(64), "run 1");
    await artifact(store, "in the middle of it");
    await store.putBlob(bytesOf("written long ago, and about to be used again"));
    mkdirSync(join(folder, "tmp"), { recursive: true });
    writeFileSync(join(folder, "tmp", "half"), "");
    expect(await collect(store, { graceMs: -1000 })).toEqual([]);
    await store.getBlob(reused.digest);
    await lease.release();
    expect((await collect(store, { graceMs: -1000 })).map(({ kind }) => kind)).toEqual([
      "unfinished",
      "manifest",
      "blob",
      "blob",
    ]);
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  });

  it("takes what kills left: unfinished files, leases, runs and checkpoints that nothing points to", async () => {
    const { store, folder } = await temporaryStore();
    writeFileSync(join(folder, "tmp", "half"), "1234");
    const gone = {
      format: 1,
      key: "a".repeat(64),
      owner: "o",
      process: { pid: 1, started: "x", host: "elsewhere" },
      acquiredMs: 1,
      heartbeatMs: 1,
    };
    await store.backend.swapPointer(leaseName(gone.key), null, encode(gone));
    mkdirSync(join(folder, "runs", "20260102-030405-aaaa"), { recursive: true });
    await store.backend.putContent(bytesOf("orphan"), (digest) => `checkpoints/${"b".repeat(64)}/blobs/${digest}`);
    await store.checkpoints("c".repeat(64)).save({ step: 1, blobs: {} });
    age(folder);
    const kinds = (await collect(store)).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["checkpoint", "lease", "run", "unfinished"]);
    expect(await store.checkpoints("c".repeat(64)).steps()).toEqual([1]);
    expect(readdirSync(join(folder, "runs"))).toEqual([]);
    expect(await collect(store)).toEqual([]);
    // what is left of the lease goes after a day
    const cleared = `leases/${gone.key}.pointer`;
    expect(await store.backend.head(`${cleared}/2.json`)).toMatchObject({ bytes: 0 });
    utimesSync(join(folder, cleared, "2.json"), 1, 1);
    expect(await collect(store)).toEqual([{ kind: "cleared", name: cleared, bytes: 0 }]);
    expect(readdirSync(join(folder, "leases"))).toEqual([]);
  });

  it("takes checkpoints of finished stages, and of others when asked, but never while somebody works on them", async () => {
    const { store, folder } = await temporaryStore();
    const key = await finished(store, "a", await artifact(store, "x"));
    const unfinished = "c".repeat(64);
    const leased = "d".repeat(64);
    for (const each of [key, unfinished, leased])
      await store.checkpoints(each).save({ step: 1, blobs: { b: bytesOf(each) } });
    age(folder);
    await using _lease = await store.lease(leased, "run 1");
    await collect(store);
    expect(await store.checkpoints(key).steps()).toEqual([]);
    expect(await store.checkpoints(unfinished).steps()).toEqual([1]);
    await collect(store, { checkpoints: true });
    expect(await store.checkpoints(unfinished).steps()).toEqual([]);
    expect(await store.checkpoints(leased).steps()).toEqual([1]);
    expect([await isLeased(store, leased), await isLeased(store, key)]).toEqual([true, false]);
  });

  it("keeps every finished stage whole, whatever else there is", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ uses: fc.array(fc.nat(), { maxLength: 2 }), done: fc.boolean() }), { maxLength: 8 }),
        async (shape) => {
          const { store, folder } = await temporaryStore();
          const made: string[] = [];
          const keys: string[] = [];
          for (const [i, { uses, done }] of shape.entries()) {
            const inputs = i === 0 ? {} : Object.fromEntries(uses.map((n, j) => [`in${j}`, made[n % i] as string]));
            made.push(await artifact(store, `content ${i % 3}`, inputs));
            if (done) keys.push(await finished(store, `stage ${i}`, made[i] as string));
          }
          age(folder);
          const reachable = new Set<string>();
          for (const key of keys) {
            const found = await store.result(key);
            if (found.state === "hit")
              for (const { digest } of await store.lineage(found.result.artifact)) reachable.add(digest);
          }
          await collect(store);
          for (const key of keys) expect(await store.result(key)).toMatchObject({ state: "hit" });
          expect(new Set(await store.artifacts())).toEqual(reachable);
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe("usage", () => {
  it("adds up what there is and what could go", async () => {
    const { store, folder } = await temporaryStore();
    await store.putBlob(new Uint8Array(1000));
    await store.checkpoints("c".repeat(64)).save({ step: 1, blobs: { b: new Uint8Array(500) } });
    age(folder);
    const found = await usage(store);
    expect(found).toMatchObject({
      artifacts: 1000,
      garbage: 1000,
      runs: 0,
      total: found.artifacts + found.checkpoints,
    });
    expect(found.checkpoints).toBeGreaterThan(500);
  });
});
