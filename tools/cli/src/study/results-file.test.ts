import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { studyReportCommand, studyReportDocument } from "./report.ts";
import type { StudyResults, StudyRow, StudySession } from "./results.ts";
import { ResultsFile } from "./results-file.ts";

type Collected = Omit<StudyResults, "sessions">;

function row(seed: string, artifact: string): StudyRow {
  const figures = { figures: { top1: 0.3 }, gflop: {}, seconds: {} };
  return { arm: "peco", seed, budget: 320, lr: 0.001, networks: [0.3], ...figures, artifacts: { evaluate: artifact } };
}

function collected(rows: StudyRow[], sets: string[] = []): Collected {
  const arms = [{ name: "peco", title: "PeCo", what: "PeCo", seeds: 2, budgets: 1, sets: [] }];
  const recipe = { name: "study/generated", sets };
  return { format: 1, study: "generated", recipe, seeds: ["11", "12"], budgets: [320], arms, pictures: null, rows };
}

function session(command: string): StudySession {
  const where = { revision: null, machine: {}, software: {} };
  return { started: "2026-11-24T15:13:00.000Z", seconds: 60, jobs: 2, command, ...where };
}

function folder(): { path: string; names: () => string[]; commands: (name?: string) => string[] } {
  const root = mkdtempSync(join(tmpdir(), "peco-results-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), "utf8")) as StudyResults;
  const commands = (name = "results.json") => read(name).sessions.map(({ command }) => command);
  return { path: join(root, "results.json"), names: () => readdirSync(root).sort(), commands };
}

async function written(path: string, figures: Collected, command: string | null): Promise<string | null> {
  const file = await ResultsFile.open(path);
  return (await file.write(figures, command === null ? null : session(command))).movedTo;
}

test("a study that goes on keeps its earlier calls", async () => {
  const { path, names, commands } = folder();
  await written(path, collected([row("11", "a")]), "first");
  const file = await ResultsFile.open(path);
  await file.write(collected([row("11", "a"), row("12", "b")]), session("second"));
  await file.write(collected([row("11", "a"), row("12", "b")]), session("second, later"));
  expect(commands()).toEqual(["first", "second, later"]);
  expect(await written(path, collected([row("11", "a"), row("12", "b")]), null)).toBeNull();
  expect(commands()).toEqual(["first", "second, later"]);
  expect(names()).toEqual(["results.json"]);
});

test.each([
  ["another store's", collected([row("11", "of another machine"), row("12", "b")])],
  ["an empty store's", collected([])],
  ["another recipe's", collected([row("11", "a")], ["codebook.loss.pixel=0.02"])],
])("%s figures take no earlier calls, and what was there is moved aside", async (_, figures) => {
  const { path, names, commands } = folder();
  await written(path, collected([row("11", "a")]), "first");
  const movedTo = await written(path, figures, "second");
  expect(movedTo).toBe(path.replace(".json", "-1.json"));
  expect(commands()).toEqual(["second"]);
  expect(commands("results-1.json")).toEqual(["first"]);
  await written(path, collected([row("12", "c")], ["pretrain.steps=1"]), "third");
  expect(names()).toEqual(["results-1.json", "results-2.json", "results.json"]);
});

test("a file that is no study's results is not written over", async () => {
  const { path } = folder();
  writeFileSync(path, "{");
  await expect(ResultsFile.open(path)).rejects.toThrow("is no study's results");
});

test("a place where nothing can be written is told at once", async () => {
  const { path } = folder();
  writeFileSync(path, "a file, not a folder");
  await expect(ResultsFile.open(join(path, "study", "results.json"))).rejects.toThrow("--out");
});

test("a page is written of the results that were named, and links them", async () => {
  const { path } = folder();
  await written(path, collected([row("11", "a")]), "first");
  await written(path, collected([row("11", "of another machine")]), "second");
  const { document } = await studyReportCommand({ results: path.replace(".json", "-1.json") });
  const page = readFileSync(studyReportDocument.parse(document).page, "utf8");
  onTestFinished(() => rmSync(studyReportDocument.parse(document).page));
  expect(page).toContain("`first`");
  expect(page).toContain("/results-1.json)");
});
