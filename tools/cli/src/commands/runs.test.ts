import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LeaseHeld, ObjectMissing, Store, StoreMissing } from "@peco/artifacts";
import { describe, expect, it } from "vitest";
import { exampleStore, temporaryFolder } from "../../test/example-store.ts";
import { UsageError } from "../usage-error.ts";
import {
  runsCompareCommand,
  runsCompareDocument,
  runsLsCommand,
  runsLsDocument,
  runsRmCommand,
  runsShowCommand,
  runsShowDocument,
} from "./runs.ts";

describe("runs ls", () => {
  it("lists runs with their figures, and names a damaged one", async () => {
    const { folder, done, failed } = await exampleStore();
    writeFileSync(join(folder, "runs", failed, "run.json"), "{");
    const { document, text } = await runsLsCommand({ store: folder });
    const { runs, damaged } = runsLsDocument.parse(document);
    expect(runs).toMatchObject([
      {
        run: done,
        state: "done",
        seconds: 400,
        recipe: "small",
        data: null,
        seeds: ["1"],
        top1: { pretrained: 0.4, fromScratch: 0.2 },
      },
    ]);
    expect(damaged).toMatchObject([{ run: failed, problem: expect.stringContaining("is not JSON") }]);
    const [heading, line, last] = text.split("\n");
    expect(heading).toMatch(/^run +state +started +time +recipe +seeds +top-1 +from scratch +pictures$/);
    expect(line).toMatch(new RegExp(`^${done} +done +\\d{4}-.* +6:40 +small +1 +40.0 % +20.0 % +generated$`));
    expect(last).toContain(`${failed} cannot be read`);
  });

  it("tells a run that was killed from one that runs", async () => {
    const { store, folder, done, failed } = await exampleStore();
    const record = await store.runs.read(done);
    await store.runs.write({ ...record, state: "running" });
    await store.runs.write({
      ...(await store.runs.read(failed)),
      state: "running",
      process: { ...record.process, started: "before" },
    });
    const { runs } = runsLsDocument.parse((await runsLsCommand({ store: folder })).document);
    expect(new Map(runs.map(({ run, state }) => [run, state]))).toEqual(
      new Map([
        [done, "running"],
        [failed, "interrupted"],
      ]),
    );
  });

  it("says that there are none, and refuses what is no store", async () => {
    const folder = join(temporaryFolder(), "store");
    await expect(runsLsCommand({ store: folder })).rejects.toThrow(StoreMissing);
    await Store.open(folder, { create: true });
    expect((await runsLsCommand({ store: folder })).text).toContain("no runs in");
  });
});

describe("runs show", () => {
  it("shows stages, figures and where things lie", async () => {
    const { store, folder, done, model } = await exampleStore();
    await store.runs.appendMetrics(done, [
      { time: new Date().toISOString(), stage: "codebook", seed: "1", step: 1, loss: 2 },
    ]);
    await store.runs.writeFile(done, "report.html", "");
    const { document, text } = await runsShowCommand({ store: folder, run: done });
    const shown = runsShowDocument.parse(document);
    expect(shown).toMatchObject({
      state: "done",
      folder: store.runs.folder(done),
      report: join(store.runs.folder(done), "report.html"),
      metrics: { lines: 1 },
    });
    expect(shown.record.id).toBe(done);
    expect(text).toMatch(
      new RegExp(`codebook +1 +ran +1:05 +${model.artifact.slice(0, 12)} +loss.pixel 0.25  usage 1`),
    );
  });

  it("shows what a failed run failed in, and takes `last` and the beginning of an id", async () => {
    const { folder, failed, done } = await exampleStore();
    const { text } = await runsShowCommand({ store: folder, run: failed });
    expect(text).toContain("failed in codebook: a loss was not finite");
    expect(text).toContain("none (./peco report writes it)");
    const last = [done, failed].sort().at(-1);
    expect(runsShowDocument.parse((await runsShowCommand({ store: folder, run: "last" })).document).record.id).toBe(
      last,
    );
    await expect(runsShowCommand({ store: folder, run: "2" })).rejects.toThrow('"2" begins 2 runs');
    await expect(runsShowCommand({ store: folder, run: "x" })).rejects.toThrow(ObjectMissing);
  });
});

describe("runs compare", () => {
  it("shows what differs in recipe, artifacts and figures, and nothing else", async () => {
    const { folder, done, failed, data, model, other } = await exampleStore();
    const { document, text } = await runsCompareCommand({ store: folder, runs: [done, failed] });
    const { differences, stages, figures } = runsCompareDocument.parse(document);
    expect(differences).toContainEqual({ path: "recipe.pretrain.steps", values: [2400, 60] });
    expect(differences.map(({ path }) => path)).not.toContain("recipe.pretrain.optimizer.lr");
    expect(stages).toContainEqual({ stage: "data", same: true, artifacts: [[data.artifact], [data.artifact]] });
    expect(stages).toContainEqual({ stage: "codebook", same: false, artifacts: [[model.artifact], [other.artifact]] });
    expect(figures).toContainEqual({ stage: "codebook", figure: "usage", values: [1, 0.5] });
    expect(figures).toContainEqual({ stage: "codebook", figure: "loss.pixel", values: [0.25, null] });
    expect(text).toMatch(/recipe\.pretrain\.steps +2400 +60/);
    expect(text).toMatch(/data \(same\)/);
    expect(text).toMatch(/codebook usage +1 +0\.5/);
    const same = await runsCompareCommand({ store: folder, runs: [done, done] });
    expect(same.text).toMatch(/^Recipe, pictures and seeds are the same\./);
    expect(same.text).not.toMatch(/codebook usage/);
    expect(same.text).toMatch(/All \d+ figures are the same\.$/);
  });

  it("compares three runs, each against the first", async () => {
    const { store, folder, done, failed } = await exampleStore();
    const { id: _, format: __, created: ___, ...record } = await store.runs.read(done);
    const third = await store.runs.create({ ...record, seeds: ["1", "2"], data: "/photos" });
    const { differences } = runsCompareDocument.parse(
      (await runsCompareCommand({ store: folder, runs: [done, failed, third.id] })).document,
    );
    expect(differences).toContainEqual({ path: "recipe.pretrain.steps", values: [2400, 60, 2400] });
    expect(differences).toContainEqual({ path: "pictures", values: ["generated", "generated", "/photos"] });
    expect(differences).toContainEqual({ path: "seeds.1", values: [null, null, "2"] });
  });

  it("needs two runs", async () => {
    const { folder, done } = await exampleStore();
    await expect(runsCompareCommand({ store: folder, runs: [done] })).rejects.toThrow(UsageError);
  });
});

describe("runs rm", () => {
  it("removes runs and leaves artifacts", async () => {
    const { store, folder, done, failed } = await exampleStore();
    const { document } = await runsRmCommand({ store: folder, runs: [failed] });
    expect(document).toEqual({ removed: [failed] });
    expect(await store.runs.list()).toEqual([done]);
    expect(await store.artifacts()).toHaveLength(3);
  });

  it("removes none when one is unknown or still running", async () => {
    const { store, folder, done, failed } = await exampleStore();
    await expect(runsRmCommand({ store: folder, runs: [done, "nonsense"] })).rejects.toThrow(ObjectMissing);
    await store.runs.write({ ...(await store.runs.read(failed)), state: "running" });
    const refused = runsRmCommand({ store: folder, runs: [done, failed] });
    await expect(refused).rejects.toThrow(LeaseHeld);
    await expect(refused).rejects.toMatchObject({
      exitCode: 75,
      message: `run ${failed} is still running (process ${process.pid})`,
    });
    expect(await store.runs.list()).toHaveLength(2);
    rmSync(join(folder, "runs", done, "run.json"));
  });
});
