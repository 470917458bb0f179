import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newRun } from "../test/new-run.ts";
import { temporaryStore } from "../test/temporary-store.ts";
import { CorruptObject, ObjectMissing } from "./errors.ts";
import type { MetricsLine } from "./schemas.ts";

const line = (step: number): MetricsLine => ({
  time: "2026-01-02T03:04:05.000Z",
  stage: "pretrain",
  seed: "1",
  step,
  loss: 1 / (step + 1),
});

describe("runs", () => {
  it("are created, written, read and listed, oldest first", async () => {
    const { store } = await temporaryStore();
    const run = await store.runs.create(await newRun());
    expect(run.id).toMatch(/^\d{8}-\d{6}-[0-9a-z]{4}$/);
    expect(await store.runs.read(run.id)).toEqual(run);
    await store.runs.write({ ...run, state: "done", seconds: 3 });
    expect(await store.runs.read(run.id)).toMatchObject({ state: "done", seconds: 3 });
    const more = await Promise.all(Array.from({ length: 5 }, async () => (await store.runs.create(await newRun())).id));
    expect(await store.runs.list()).toEqual([run.id, ...more].sort());
  });

  it("are named by the beginning of their id, or last", async () => {
    const { store } = await temporaryStore();
    await expect(store.runs.resolve("last")).rejects.toThrow(ObjectMissing);
    const base = await store.runs.create(await newRun());
    for (const id of ["20260102-030405-aaaa", "20260102-030405-aabb"]) await store.runs.write({ ...base, id });
    expect(await store.runs.resolve("20260102-030405-aaaa")).toBe("20260102-030405-aaaa");
    expect(await store.runs.resolve("20260102-030405-aab")).toBe("20260102-030405-aabb");
    expect(await store.runs.resolve("last")).toBe((await store.runs.list()).at(-1));
    await expect(store.runs.resolve("20260102")).rejects.toThrow(
      '"20260102" begins 2 runs: 20260102-030405-aaaa, 20260102-030405-aabb',
    );
    await expect(store.runs.resolve("x")).rejects.toMatchObject({
      exitCode: 65,
      remedy: expect.stringContaining("peco runs ls"),
    });
  });

  it("never lie outside their folder", async () => {
    const { store } = await temporaryStore();
    await expect(store.runs.read("../FORMAT")).rejects.toThrow(ObjectMissing);
    expect(() => store.runs.folder("../..")).toThrow();
    await expect(store.runs.remove("..")).rejects.toThrow();
    expect(existsSync(store.backend.locate("FORMAT"))).toBe(true);
  });

  it("without a record are none, and a damaged record is named", async () => {
    const { store, folder } = await temporaryStore();
    mkdirSync(join(folder, "runs", "20260102-030405-aaaa"), { recursive: true });
    expect(await store.runs.list()).toEqual([]);
    expect(await store.runs.withoutRecord()).toMatchObject([{ id: "20260102-030405-aaaa" }]);
    writeFileSync(join(folder, "runs", "20260102-030405-aaaa", "run.json"), "{}");
    await expect(store.runs.read("20260102-030405-aaaa")).rejects.toThrow(CorruptObject);
  });

  it("go with all their files", async () => {
    const { store } = await temporaryStore();
    const run = await store.runs.create(await newRun());
    const path = await store.runs.writeFile(run.id, "report.html", "<p>ä");
    expect(path).toBe(join(store.runs.folder(run.id), "report.html"));
    expect(readFileSync(path, "utf8")).toBe("<p>ä");
    await store.runs.remove(run.id);
    await store.runs.remove(run.id);
    expect(existsSync(store.runs.folder(run.id))).toBe(false);
  });
});

describe("metrics", () => {
  it("come back line by line", async () => {
    const { store } = await temporaryStore();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 4 }), async (batches) => {
        const { id } = await store.runs.create(await newRun());
        expect(await store.runs.metrics(id)).toEqual({ lines: [], damaged: 0 });
        for (const steps of batches) await store.runs.appendMetrics(id, steps.map(line));
        expect(await store.runs.metrics(id)).toEqual({ lines: batches.flat().map(line), damaged: 0 });
      }),
      { numRuns: 10 },
    );
  });

  it("lose only the line that a kill cut", async () => {
    const { store } = await temporaryStore();
    const { id } = await store.runs.create(await newRun());
    await store.runs.appendMetrics(id, [line(1)]);
    appendFileSync(join(store.runs.folder(id), "metrics.jsonl"), '{"time":"2026');
    expect(await store.runs.metrics(id)).toEqual({ lines: [line(1)], damaged: 1 });
    await store.runs.appendMetrics(id, [line(2)]);
    expect(await store.runs.metrics(id)).toEqual({ lines: [line(1), line(2)], damaged: 1 });
  });
});
