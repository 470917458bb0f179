import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Metadata, makeClientConstructor } from "@grpc/grpc-js";
import type { Store } from "@peco/artifacts";
import { stage as proto } from "@peco/proto";
import { connect } from "@peco/rpc";
import { service as healthService } from "grpc-health-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cutOffProxy } from "../test/cut-off-proxy.ts";
import { newStore, toyService, toySpec } from "../test/toy.ts";
import { type NumberedEvent, runStage, type SpawnedService, type StageSpec, spawnService } from "./index.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-stage-"));
  store = await newStore(folder);
  return () => rm(folder, { recursive: true, force: true });
});

function watched(service: SpawnedService, spec: StageSpec, signal?: AbortSignal, patienceMs = 0) {
  const events: NumberedEvent[] = [];
  const outcome = runStage(service, spec, {
    onEvent: (event) => events.push(event),
    patienceMs,
    ...(signal && { signal }),
  });
  return { events, outcome, kinds: () => events.map(({ kind }) => kind) };
}

describe("a stage in a service's process", () => {
  let service: SpawnedService;
  const { log, ...options } = toyService();
  beforeAll(async () => {
    service = await spawnService(options);
  });
  afterAll(() => service.stop());

  it("tells what happens, and is found finished the second time", async () => {
    const spec = toySpec(folder, { steps: 3 });
    const first = watched(service, spec);
    const outcome = await first.outcome;
    expect(outcome).toMatchObject({ cached: false, metrics: { sum: 6, resumedFrom: 0 } });
    expect(await store.manifest(outcome.artifact)).toMatchObject({ kind: "toy" });
    expect(first.kinds()).toEqual(["cache", "step", "checkpoint", "step", "step", "artifact", "done"]);
    expect(first.events.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(first.events[1]).toMatchObject({ step: 1, of: 3, metrics: { loss: 1 } });
    const second = watched(service, spec);
    expect(await second.outcome).toEqual({ ...outcome, cached: true });
    expect(second.events).toMatchObject([
      { kind: "cache", hit: true, number: 8 },
      { kind: "done", cached: true },
    ]);
    const changed = watched(service, toySpec(folder, { steps: 4 }));
    await changed.outcome;
    expect(changed.events[0]).toMatchObject({ hit: false, differed: [{ path: "recipe.steps", before: 3, after: 4 }] });
  });

  it("is run once for two who start it at once", async () => {
    const spec = toySpec(folder, { steps: 20 });
    const both = [watched(service, spec), watched(service, spec)];
    const [one, other] = await Promise.all(both.map(({ outcome }) => outcome));
    expect(one).toEqual(other);
    expect(both[0]?.events).toEqual(both[1]?.events);
  });

  it("is told from its beginning, or from any event, to those who come late", async () => {
    const spec = toySpec(folder, { steps: 5 });
    const { outcome, events } = watched(service, spec);
    await outcome;
    const client = connect(proto.StageServiceService, service);
    const numbers: number[] = [];
    for await (const { number } of client.watch({ key: spec.key, fromEvent: 4 })) numbers.push(number);
    expect(numbers).toEqual(events.map(({ number }) => number).filter((number) => number >= 4));
    const unknown = client
      .watch({ key: "0".repeat(64), fromEvent: 0 })
      [Symbol.asyncIterator]()
      .next();
    await expect(unknown).rejects.toMatchObject({ name: "StageUnknown", exitCode: 65 });
    client.close();
  });

  it("tells each event once, though the connection breaks", async () => {
    const spec = toySpec(folder, { steps: 60, stepMs: 10 });
    const proxy = await cutOffProxy(service.port);
    const events: NumberedEvent[] = [];
    await runStage({ address: proxy.address, token: service.token }, spec, {
      onEvent: (event) => {
        events.push(event);
        if (event.kind === "step" && event.step % 20 === 5) proxy.cut();
      },
    });
    proxy.close();
    expect(events.map(({ number }) => number)).toEqual(events.map((_, i) => i + 1));
    expect(events.flatMap((event) => (event.kind === "step" ? [event.step] : []))).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });

  it("fails with its own message, exit code, remedy and path", async () => {
    const { outcome, kinds } = watched(service, toySpec(folder, {}, { stage: "fails" }));
    await expect(outcome).rejects.toMatchObject({
      name: "Unmendable",
      message: "the picture is broken",
      exitCode: 65,
      remedy: "Replace the picture.",
      path: "/pictures/ä b.png",
    });
    expect(kinds()).toEqual(["cache", "failed"]);
  });

  it("says a fault of the program to the log, and only its message to the caller", async () => {
    const { outcome } = watched(service, toySpec(folder, {}, { stage: "faulty" }));
    await expect(outcome).rejects.toMatchObject({ exitCode: 70, message: "undefined is not a function" });
    await expect.poll(() => log.join("\n")).toContain("toy-service.ts");
  });

  it("stops with a checkpoint when cancelled, and goes on from there", async () => {
    const spec = toySpec(folder, { steps: 100, stepMs: 10, every: 1000 });
    const stop = new AbortController();
    const first = watched(service, spec, stop.signal);
    await expect.poll(() => first.events.length).toBeGreaterThan(10);
    stop.abort();
    await expect(first.outcome).rejects.toMatchObject({ name: "Cancelled", exitCode: 130 });
    const [step = 0] = await store.checkpoints(spec.key).steps();
    expect(step).toBeGreaterThan(1);
    const outcome = await watched(service, spec).outcome;
    expect(outcome.metrics).toEqual({ sum: 5050, resumedFrom: step });
  });

  it("answers a health call while it works", async () => {
    const { outcome, kinds } = watched(service, toySpec(folder, { steps: 200 }));
    await expect.poll(kinds).toContain("step");
    const Health = makeClientConstructor(healthService, "health");
    const client = new Health(service.address, credentials.createInsecure());
    const answer = await new Promise((resolve, reject) => {
      client["check"]?.(
        { service: "peco.stage.v1.StageService" },
        new Metadata(),
        (error: unknown, response: unknown) => (error ? reject(error) : resolve(response)),
      );
    });
    expect(answer).toMatchObject({ status: "SERVING" });
    expect(kinds()).not.toContain("done");
    client.close();
    await outcome;
  });

  it.each([
    ["another's lease", {}, { name: "LeaseHeld", exitCode: 75 }],
    [
      "a stage that it does not know",
      { stage: "tyo" },
      { exitCode: 64, message: 'Start: stage is "tyo", and this service runs toy, fails, faulty, dies, stubborn' },
    ],
    ["a key that is not the parts' digest", { key: "0".repeat(64) }, { exitCode: 64, path: "key" }],
    ["a store that is not there", { store: "/nonexistent" }, { name: "StoreMissing", exitCode: 65 }],
  ])("refuses %s", async (_, more, failure) => {
    const spec = toySpec(folder, {}, more);
    const held = await store.lease(spec.key, "another run");
    await expect(watched(service, spec).outcome).rejects.toMatchObject(failure);
    await held.release();
  });

  it("refuses a port that is in use", async () => {
    const { port, token } = service;
    await expect(spawnService({ ...options, at: { port, token } })).rejects.toMatchObject({
      name: "PortInUse",
      exitCode: 75,
    });
  });
});

describe("a service that is asked to end", () => {
  it("writes its stages' checkpoints first", async () => {
    const service = await spawnService(toyService());
    const spec = toySpec(folder, { steps: 1000, stepMs: 10, every: 1000 });
    const { outcome, events } = watched(service, spec);
    const lost = expect(outcome).rejects.toMatchObject({ exitCode: 75 });
    await expect.poll(() => events.length).toBeGreaterThan(10);
    expect(await service.stop()).toEqual({ code: 130, signal: null });
    const [step] = await store.checkpoints(spec.key).steps();
    expect(step).toBeGreaterThan(1);
    await lost;
  });
});

describe("run --spec", () => {
  function run(...words: string[]): {
    child: ReturnType<typeof execFile>;
    ended: Promise<{ code: number; stdout: string }>;
  } {
    let ended: (result: { code: number; stdout: string }) => void = () => {};
    const promise = new Promise<{ code: number; stdout: string }>((resolve) => {
      ended = resolve;
    });
    const file = new URL("../test/toy-service.ts", import.meta.url).pathname;
    const child = execFile(process.execPath, [file, "run", ...words], (error, stdout) => {
      ended({ code: error === null ? 0 : (error.code as unknown as number), stdout });
    });
    return { child, ended: promise };
  }
  async function specFile(spec: StageSpec): Promise<string> {
    const file = join(folder, "spec.json");
    await writeFile(
      file,
      JSON.stringify(spec, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    );
    return file;
  }

  it("runs one stage to its end and prints what it gave", async () => {
    const { code, stdout } = await run("--spec", await specFile(toySpec(folder, { steps: 4 }))).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      cached: false,
      metrics: { sum: 10 },
      artifact: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("ends with the exit code of what went wrong", async () => {
    const failed = await run("--spec", await specFile(toySpec(folder, {}, { stage: "fails" }))).ended;
    expect(failed.code).toBe(65);
    expect(JSON.parse(failed.stdout)).toMatchObject({ failure: { remedy: "Replace the picture." } });
    expect((await run("--spec", "/nonexistent.json").ended).code).toBe(64);
    expect((await run("--nonsense").ended).code).toBe(64);
  });

  it("writes a checkpoint on SIGTERM", async () => {
    const spec = toySpec(folder, { steps: 1000, stepMs: 10, every: 1000 });
    const { child, ended } = run("--spec", await specFile(spec));
    await expect.poll(() => store.checkpoints(spec.key).steps(), { timeout: 10_000 }).toEqual([1]);
    await sleep(100);
    child.kill("SIGTERM");
    expect((await ended).code).toBe(130);
    const [step] = await store.checkpoints(spec.key).steps();
    expect(step).toBeGreaterThan(1);
  });
});
