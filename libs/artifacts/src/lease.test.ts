import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { temporaryStore } from "../test/temporary-store.ts";
import { LeaseHeld, LeaseLost } from "./errors.ts";
import { liveLeases } from "./garbage.ts";
import { encode } from "./json-file.ts";
import { leaseName } from "./lease.ts";
import { stateOf, thisProcess } from "./process-identity.ts";
import type { LeaseFile } from "./schemas.ts";

const key = "a".repeat(64);

async function leftBy(change: (file: LeaseFile) => LeaseFile) {
  const { store, folder } = await temporaryStore();
  const now = Date.now();
  const file: LeaseFile = {
    format: 1,
    key,
    owner: "run old",
    process: await thisProcess(),
    acquiredMs: now,
    heartbeatMs: now,
  };
  await store.backend.swapPointer(leaseName(key), null, encode(change(file)));
  return { store, folder };
}

describe("a lease", () => {
  it("is held by one at a time; a second is told who holds it", async () => {
    const { store } = await temporaryStore();
    const lease = await store.lease(key, "run 1, stage data");
    const second = store.lease(key, "run 2");
    await expect(second).rejects.toThrow(LeaseHeld);
    await expect(second).rejects.toMatchObject({
      exitCode: 75,
      remedy: expect.stringContaining(`stop process ${process.pid}`),
    });
    await expect(second).rejects.toThrow(
      `another process works on this stage: run 1, stage data (process ${process.pid} on `,
    );
    await using _other = await store.lease("b".repeat(64), "another stage is another lease");
    await lease.release();
    await lease.release();
    await (await store.lease(key, "run 2")).release();
    expect(await liveLeases(store)).toMatchObject([{ key: "b".repeat(64) }]);
  });

  it("has one winner of many that try at once", async () => {
    const { store } = await temporaryStore();
    const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => store.lease(key, `try ${i}`)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const tried of tries) if (tried.status === "rejected") expect(tried.reason).toBeInstanceOf(LeaseHeld);
  });

  it("is taken from a process that has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    const { store } = await leftBy((file) => ({ ...file, process: { ...file.process, pid: child.pid as number } }));
    await (await store.lease(key, "next")).release();
  });

  it("is taken from a process whose number another has by now", async () => {
    const { store } = await leftBy((file) => ({ ...file, process: { ...file.process, started: "before" } }));
    await (await store.lease(key, "next")).release();
  });

  it("is taken from another host only when it was not heard of for a minute", async () => {
    const elsewhere = (file: LeaseFile) => ({ ...file.process, host: "elsewhere", pid: 1 });
    const recent = await leftBy((file) => ({ ...file, process: elsewhere(file), heartbeatMs: Date.now() - 50_000 }));
    await expect(recent.store.lease(key, "next")).rejects.toThrow("(process 1 on elsewhere, since ");
    const long = await leftBy((file) => ({ ...file, process: elsewhere(file), heartbeatMs: Date.now() - 61_000 }));
    await (await long.store.lease(key, "next")).release();
  });

  it("that was taken over is lost to its former holder, who cannot release it", async () => {
    const { store } = await temporaryStore();
    const sleeper = await store.lease(key, "sleeper");
    await sleeper.heartbeat();
    vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
    try {
      const next = await store.lease(key, "next");
      await expect(sleeper.heartbeat()).rejects.toThrow(LeaseLost);
      await expect(sleeper.heartbeat()).rejects.toThrow("was taken over by next (process ");
      await sleeper.release();
      await next.heartbeat();
      await next.release();
    } finally {
      vi.useRealTimers();
    }
  });

  it("kept by itself beats until it is released, and tells once when it is lost", async () => {
    const { store } = await temporaryStore();
    const beat = async () =>
      JSON.parse(new TextDecoder().decode((await store.backend.readPointer(leaseName(key)))?.value)).heartbeatMs;
    const lease = await store.lease(key, "keeper");
    const lost: unknown[] = [];
    const first = await beat();
    lease.keep((error) => lost.push(error), 5);
    await vi.waitFor(async () => expect(await beat()).toBeGreaterThan(first));
    await lease.release();
    expect(lost).toEqual([]);

    const again = await store.lease(key, "keeper");
    again.keep((error) => lost.push(error), 5);
    for (let cleared = false; !cleared; ) {
      const pointer = await store.backend.readPointer(leaseName(key));
      cleared = pointer !== null && (await store.backend.clearPointer(leaseName(key), pointer.version));
    }
    await vi.waitFor(() => expect(lost).toHaveLength(1));
    await sleep(30);
    expect(lost).toMatchObject([{ name: "LeaseLost", exitCode: 75 }]);
    await again.release();
  });
});

describe("a process", () => {
  it("is told from one that has ended and from one elsewhere", async () => {
    const here = await thisProcess();
    expect(await stateOf(here)).toBe("running");
    expect(await stateOf({ ...here, pid: 4_000_000 })).toBe("gone");
    expect(await stateOf({ ...here, host: "elsewhere" })).toBe("unknown");
  });
});
