import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LeaseHeld } from "@peco/artifacts";
import { describe, expect, it, vi } from "vitest";
import { exampleStore, temporaryFolder } from "../../test/example-store.ts";
import { type CleanOptions, cleanCommand, cleanDocument } from "./clean.ts";

// the packages of this checkout are needed to go on
vi.mock("../checkout.ts", async (original) => ({ ...(await original<object>()), checkout: "/nonexistent" }));

/** A cache of this user with a file in each part. */
function cached(): NodeJS.ProcessEnv {
  const home = temporaryFolder();
  for (const name of ["peco", "tfjs-libtensorflow"]) {
    mkdirSync(join(home, name, "deep"), { recursive: true });
    writeFileSync(join(home, name, "deep", "file"), "12345");
  }
  return { XDG_CACHE_HOME: home };
}

async function clean(options: CleanOptions, env: NodeJS.ProcessEnv = { XDG_CACHE_HOME: temporaryFolder() }) {
  const { document, text } = await cleanCommand(options, env);
  return { ...cleanDocument.parse(document), text };
}

/** Everything becomes an hour old, so that nothing is kept for being new. */
function age(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (statSync(path).isFile()) utimesSync(path, 1, 1);
  }
}

describe("clean", () => {
  it("says what takes space and removes nothing by itself", async () => {
    const { folder, store } = await exampleStore();
    const env = cached();
    const found = await clean({ store: folder }, env);
    expect(found).toMatchObject({ chosen: [], bytes: 0, removed: false, store: { path: folder, checkpoints: 0 } });
    expect(found.caches).toMatchObject([{ bytes: 5 }, { bytes: 5 }, { bytes: 0 }]);
    expect(found.text).toContain("Removes nothing by itself");
    await clean({ store: folder, yes: true }, env);
    expect(await store.artifacts()).toHaveLength(3);
  });

  it("removes what no run needs, only with --yes", async () => {
    const { folder, store, failed, other, model } = await exampleStore();
    await store.runs.remove(failed);
    age(folder);
    const asked = await clean({ store: folder, unused: true });
    expect(asked).toMatchObject({ removed: false, chosen: [{ what: "results" }, { what: "artifacts" }] });
    expect(asked.text).toContain("would remove, with --yes");
    expect(await store.artifacts()).toHaveLength(3);
    const done = await clean({ store: folder, unused: true, yes: true });
    expect(done).toMatchObject({ removed: true, bytes: asked.bytes });
    expect(await store.artifacts()).not.toContain(other.artifact);
    expect(await store.result(model.key)).toMatchObject({ state: "hit" });
  });

  it("removes checkpoints of unfinished stages when asked, and nothing else", async () => {
    const { folder, store } = await exampleStore();
    const key = "c".repeat(64);
    await store.checkpoints(key).save({ step: 1, blobs: { state: new Uint8Array(100) } });
    await store.putBlob(new Uint8Array(50));
    age(folder);
    const { chosen } = await clean({ store: folder, checkpoints: true, yes: true });
    expect(chosen).toMatchObject([{ what: "checkpoints" }]);
    expect(await store.checkpoints(key).steps()).toEqual([]);
    expect(await store.backend.list("blobs")).toHaveLength(4);
  });

  it("removes the whole store and leaves what is not its own", async () => {
    const { folder } = await exampleStore();
    writeFileSync(join(folder, "notes.txt"), "mine");
    await clean({ store: folder, all: true });
    expect(existsSync(join(folder, "FORMAT"))).toBe(true);
    const { removed, chosen } = await clean({ store: folder, all: true, yes: true });
    expect({ removed, chosen }).toMatchObject({ removed: true, chosen: [{ what: "the whole store", path: folder }] });
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
  });

  it("removes caches, also where there is no store", async () => {
    const env = cached();
    const missing = join(temporaryFolder(), "store");
    const found = await clean({ store: missing, caches: true, yes: true }, env);
    expect(found).toMatchObject({ store: null, removed: true, bytes: 10 });
    expect(readdirSync(env["XDG_CACHE_HOME"] as string)).toEqual([]);
    expect((await clean({ store: missing, caches: true, all: true, yes: true }, env)).text).toContain(
      "There is nothing to remove.",
    );
  });

  it("takes neither store nor caches from under a stage that is worked on", async () => {
    const { folder, store } = await exampleStore();
    await using _lease = await store.lease("a".repeat(64), "run 1, stage codebook");
    const env = cached();
    for (const options of [{ all: true }, { caches: true }]) {
      const refused = clean({ store: folder, yes: true, ...options }, env);
      await expect(refused).rejects.toThrow(LeaseHeld);
      await expect(refused).rejects.toThrow(`run 1, stage codebook (process ${process.pid})`);
    }
    expect(readdirSync(env["XDG_CACHE_HOME"] as string)).toHaveLength(2);
    expect(await store.artifacts()).toHaveLength(3);
  });
});
