import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "@peco/artifacts";
import { createLogger } from "@peco/telemetry";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newStore, toySpec } from "../test/toy.ts";
import { type CacheDecision, executeStage, type Stage, type StageProgress, type StageSpec } from "./index.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-stage-"));
  store = await newStore(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const log = createLogger("test", { level: "silent" });

async function publish(text: string): Promise<string> {
  return store.publish({
    kind: "toy",
    blobs: { text: await store.putBlob(new TextEncoder().encode(text)) },
    inputs: {},
    meta: {},
  });
}

function run(stage: Stage, spec: StageSpec, signal = new AbortController().signal) {
  const events: (CacheDecision | StageProgress)[] = [];
  return {
    events,
    outcome: executeStage(stage, spec, { emit: (event) => void events.push(event), signal, log, heartbeatMs: 50 }),
  };
}

const works: Stage = async ({ spec }) => ({
  artifact: await publish(JSON.stringify(spec.parts)),
  metrics: { answer: 42 },
});
const mustNotRun: Stage = () => Promise.reject(new Error("was run again"));

describe("a stage in this process", () => {
  it("runs once, and is found finished afterwards", async () => {
    const spec = toySpec(folder, { steps: 3 });
    const first = run(works, spec);
    expect(await first.outcome).toMatchObject({ metrics: { answer: 42 }, cached: false });
    expect(first.events).toEqual([{ kind: "cache", hit: false, differed: [], problem: "" }]);
    const second = run(mustNotRun, spec);
    expect(await second.outcome).toMatchObject({
      metrics: { answer: 42 },
      cached: true,
      artifact: (await first.outcome).artifact,
    });
    expect(second.events).toEqual([{ kind: "cache", hit: true, differed: [], problem: "" }]);
  });

  it("says which part differs from the nearest finished result", async () => {
    await run(works, toySpec(folder, { steps: 3, lr: 0.1 })).outcome;
    await run(works, toySpec(folder, { steps: 9, lr: 0.9 })).outcome;
    const changed = run(works, toySpec(folder, { steps: 4, lr: 0.1 }));
    await changed.outcome;
    expect(changed.events[0]).toMatchObject({ hit: false, differed: [{ path: "recipe.steps", before: 3, after: 4 }] });
  });

  it("is run again when its artifact lost a blob, and says so", async () => {
    const spec = toySpec(folder, {});
    const { artifact } = await run(works, spec).outcome;
    const blob = Object.values((await store.manifest(artifact)).blobs)[0];
    await store.backend.delete(`blobs/${blob?.digest.slice(0, 2)}/${blob?.digest}`);
    const again = run(works, spec);
    expect((await again.outcome).cached).toBe(false);
    expect(again.events[0]).toMatchObject({ hit: false, problem: 'its blob "text" is missing' });
  });

  it("is refused while another holds the lease, and gives its own back", async () => {
    const spec = toySpec(folder, {});
    const other = await store.lease(spec.key, "run other");
    await expect(run(works, spec).outcome).rejects.toMatchObject({ name: "LeaseHeld", exitCode: 75 });
    await other.release();
    await expect(run(() => Promise.reject(new TypeError("oops")), spec).outcome).rejects.toThrow("oops");
    await (await store.lease(spec.key, "run other")).release();
  });

  it("keeps its checkpoints when cancelled and clears them when done", async () => {
    const spec = toySpec(folder, {});
    const stop = new AbortController();
    const cancelled = run(
      async ({ checkpoints, signal }) => {
        await checkpoints.save({ step: 1, blobs: {} });
        stop.abort();
        signal.throwIfAborted();
        return mustNotRun as never;
      },
      spec,
      stop.signal,
    );
    await expect(cancelled.outcome).rejects.toMatchObject({ name: "Cancelled", exitCode: 130 });
    expect(await store.checkpoints(spec.key).steps()).toEqual([1]);
    await run(works, spec).outcome;
    expect(await store.checkpoints(spec.key).steps()).toEqual([]);
  });

  it("tells a failure that happens on the way out instead of the cancel", async () => {
    const stop = new AbortController();
    const full: Stage = () => {
      stop.abort();
      return Promise.reject(Object.assign(new Error("disk full"), { exitCode: 73 }));
    };
    await expect(run(full, toySpec(folder, {}), stop.signal).outcome).rejects.toMatchObject({ exitCode: 73 });
  });

  it("stops when another takes its lease over", async () => {
    const spec = toySpec(folder, {});
    const waits: Stage = ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
      );
    const { outcome } = run(waits, spec);
    const failed = expect(outcome).rejects.toMatchObject({ name: "LeaseLost", exitCode: 75 });
    const name = `leases/${spec.key}.pointer`;
    // a heartbeat may come between the look and the clearing: then once more
    const takeAway = async () => {
      const current = await store.backend.readPointer(name);
      return current !== null && (await store.backend.clearPointer(name, current.version));
    };
    await expect.poll(takeAway).toBe(true);
    await failed;
  });

  it.each([
    ["a wrong recipe", { recipe: { image: { size: 32 } } }, { name: "RecipeError", exitCode: 64 }],
    ["no store", { store: "/nonexistent/store" }, { name: "StoreMissing", exitCode: 65 }],
  ])("refuses %s", async (_, more, failure) => {
    await expect(run(mustNotRun, toySpec(folder, {}, more as Partial<StageSpec>)).outcome).rejects.toMatchObject(
      failure,
    );
  });
});
