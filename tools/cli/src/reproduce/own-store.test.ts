import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, Store } from "@peco/artifacts";
import type { ReproducibilityCard } from "@peco/report";
import { afterAll, describe, expect, it } from "vitest";
import { closeOwnStore, findOwnStore, openOwnStore, StoreHasResults } from "./own-store.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-own-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const card = (run: string) => ({ run, created: "2026-01-02T03:04:05.000Z" }) as unknown as ReproducibilityCard;

/** A stage finishes in a store. */
async function finish(store: Store): Promise<void> {
  const artifact = await store.publish({ kind: "data", blobs: {}, inputs: {}, meta: {} });
  const parts = { stage: "data" };
  await store.finish(digestOf(parts), { stage: "data", parts, artifact, metrics: {}, record: {} });
}

describe("the store of a repetition", () => {
  it("is refused where another run's results lie", async () => {
    const path = join(folder, "others");
    expect(await findOwnStore(card("a"), path, path)).toEqual({ path, resumed: false });
    await finish(await Store.open(path, { create: true }));
    await expect(findOwnStore(card("a"), path, path)).rejects.toThrow(StoreHasResults);
    await expect(findOwnStore(card("a"), path, path)).rejects.toThrow("results that this repetition did not make");
  });

  it("goes on where the same repetition was interrupted, and with no other card's", async () => {
    const path = join(folder, "interrupted");
    await finish(await openOwnStore({ path, resumed: false }, card("a")));
    expect(await findOwnStore(card("a"), path, path)).toEqual({ path, resumed: true });
    await expect(findOwnStore(card("b"), path, path)).rejects.toThrow(StoreHasResults);
  });

  it("is a new one for the next repetition, and the same one is refused", async () => {
    const path = join(folder, "done");
    const store = await openOwnStore({ path, resumed: false }, card("a"));
    await finish(store);
    await closeOwnStore(store, card("a"));
    await expect(findOwnStore(card("a"), path, path)).rejects.toThrow("has been repeated in it already");
    expect(await findOwnStore(card("a"), null, path)).toEqual({ path: `${path}-2`, resumed: false });
  });

  it("is not gone on with by other code", async () => {
    const path = join(folder, "older");
    const store = await openOwnStore({ path, resumed: false }, card("a"));
    await finish(store);
    const name = "reproduction.json";
    const mark = JSON.parse(new TextDecoder().decode((await store.backend.get(name)) ?? undefined)) as object;
    const older = { ...mark, lockfile: "0".repeat(64) };
    await store.backend.put(name, new TextEncoder().encode(JSON.stringify(older)));
    await expect(findOwnStore(card("a"), path, path)).rejects.toThrow("another revision of the code");
    await store.backend.put(name, new TextEncoder().encode("{}"));
    await expect(findOwnStore(card("a"), path, path)).rejects.toThrow("did not make");
  });
});
