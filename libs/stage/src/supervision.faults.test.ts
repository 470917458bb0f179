import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@peco/artifacts";
import { beforeEach, describe, expect, it } from "vitest";
import { isAlive, newStore, toyService, toySpec } from "../test/toy.ts";
import { type Exit, KeptService, type NumberedEvent, runStage, spawnService, superviseStage } from "./index.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-stage-"));
  store = await newStore(folder);
  return () => rm(folder, { recursive: true, force: true });
});

async function kept() {
  const exits: Exit[] = [];
  const service = await KeptService.start({ ...toyService(), onRestart: (exit) => exits.push(exit) });
  return { service, exits };
}

describe("a stage whose service is killed", () => {
  it("goes on from its checkpoints, and gives the same artifact", async () => {
    const own = { steps: 200, stepMs: 5, every: 20 };
    const { service, exits } = await kept();
    const killAt = [30, 70, 71, 130, 190];
    const events: NumberedEvent[] = [];
    let killed = 0;
    const outcome = await superviseStage(toySpec(folder, own), {
      service,
      onEvent: (event) => {
        events.push(event);
        const due = event.kind === "step" && event.step >= (killAt[0] ?? Number.POSITIVE_INFINITY);
        // events of a process that was killed already may still come
        if (!due || service.pid === killed) return;
        killAt.shift();
        killed = service.pid;
        // one of them politely: a service that ends by itself is started again as well
        process.kill(service.pid, killAt.length === 2 ? "SIGTERM" : "SIGKILL");
      },
    });
    await service.close();
    expect(outcome.metrics).toMatchObject({ sum: 20_100 });
    expect(exits.length).toBe(5);
    const steps = events.flatMap((event) => (event.kind === "step" ? [event.step] : []));
    expect(steps.length).toBeLessThan(200 + 5 * 21);
    const undisturbed = await spawnService(toyService());
    const again = await mkdtemp(join(tmpdir(), "peco-stage-"));
    await newStore(again);
    const same = await runStage(undisturbed, toySpec(again, own), { onEvent: () => {} });
    await undisturbed.stop();
    await rm(again, { recursive: true });
    expect(outcome.artifact).toBe(same.artifact);
  });

  it("is given up after three restarts without progress", async () => {
    const { service, exits } = await kept();
    const outcome = superviseStage(toySpec(folder, {}, { stage: "dies" }), { service, onEvent: () => {} });
    await expect(outcome).rejects.toMatchObject({
      name: "ServiceKeptFailing",
      exitCode: 75,
      message: "the toy service ended 4 times without getting further, the last time killed by SIGKILL",
      remedy: expect.stringContaining("memory"),
    });
    expect(exits.length).toBe(3);
    await service.close();
  });

  it("is stopped when another service that it needs is given up", async () => {
    const { service } = await kept();
    const masking = await KeptService.start({ ...toyService(), restarts: 0 });
    const spec = toySpec(folder, { steps: 1000, stepMs: 10, every: 1000 });
    const killed = sleep(500).then(() => process.kill(masking.pid, "SIGKILL"));
    const outcome = superviseStage(spec, { service, alongside: [masking], onEvent: () => {} });
    await expect(outcome).rejects.toMatchObject({ name: "ServiceKeptFailing", exitCode: 75 });
    await killed;
    expect((await store.checkpoints(spec.key).steps())[0]).toBeGreaterThan(1);
    await service.close();
  });

  it("ends with 130 when it was cancelled and dies on the way", async () => {
    const { service } = await kept();
    const stop = new AbortController();
    const outcome = superviseStage(toySpec(folder, {}, { stage: "stubborn" }), {
      service,
      signal: stop.signal,
      onEvent: () => {
        stop.abort();
        service.kill();
      },
    });
    await expect(outcome).rejects.toMatchObject({ name: "Cancelled", exitCode: 130 });
    await expect.poll(() => isAlive(service.pid)).toBe(false);
  });
});

describe("a service whose parent is killed", () => {
  it("writes a checkpoint and ends", async () => {
    const parent = spawn(process.execPath, [new URL("../test/parent.ts", import.meta.url).pathname, folder]);
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
    const { key } = toySpec(folder, { steps: 100_000, stepMs: 10, every: 1_000_000 });
    expect((await store.checkpoints(key).steps())[0]).toBeGreaterThanOrEqual(20);
    await (await store.lease(key, "next")).release();
  });
});

describe("a service that does not end", () => {
  it("ends itself within 20 s of SIGTERM, whatever its stage does", async () => {
    const service = await spawnService(toyService());
    let asked = 0;
    const onEvent = () => {
      asked = performance.now();
      void service.stop();
    };
    const spec = toySpec(folder, {}, { stage: "stubborn" });
    const lost = expect(runStage(service, spec, { onEvent, patienceMs: 0 })).rejects.toMatchObject({ exitCode: 75 });
    expect(await service.exited).toEqual({ code: 130, signal: null });
    expect(performance.now() - asked).toBeLessThan(20_000);
    await lost;
  });

  it("is killed when it takes longer than it may", async () => {
    const service = await spawnService(toyService());
    const lost = expect(
      runStage(service, toySpec(folder, {}, { stage: "stubborn" }), {
        onEvent: () => service.stop(300),
        patienceMs: 0,
      }),
    ).rejects.toMatchObject({ name: "ServiceLost", exitCode: 75 });
    expect(await service.exited).toEqual({ code: null, signal: "SIGKILL" });
    await lost;
  });
});

describe("a process that is no service", () => {
  it.each([
    ["ends at once", "process.exit(3)", /did not start: it ended with exit code 3/],
    ["says something else", "console.log('hello'); setTimeout(() => {}, 1e6)", /did not start: hello/],
    ["says nothing", "setTimeout(() => {}, 1e6)", /was not ready after 0.5 s/],
  ])("is refused and killed when it %s", async (_, program, message) => {
    const main = join(folder, "main.mjs");
    await (await import("node:fs/promises")).writeFile(main, program);
    const starting = spawnService({ name: "toy", main, onLog: () => {}, readyTimeoutMs: 500 });
    await expect(starting).rejects.toMatchObject({
      name: "ServiceNotStarted",
      exitCode: 75,
      message: expect.stringMatching(message),
    });
  });
});
