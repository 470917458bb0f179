import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { program } from "../program.ts";
import { studyCompareCommand, studyCompareDocument } from "./compare-validation.ts";

type Row = [arm: string, seed: string, validation: Record<string, number> | undefined];

/** The results of a study in a file of a folder that the test removes; every test picture is named wrong. */
function resultsFile(sets: string[], rows: Row[]): string {
  const folder = mkdtempSync(join(tmpdir(), "peco-compare-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "results.json");
  const arm = (name: string, title: string) => ({ name, title, what: title, seeds: 2, budgets: 1, sets: [] });
  const results = {
    ...{ format: 1, study: "generated", recipe: { name: "study/generated", sets }, seeds: ["1", "2"], budgets: [320] },
    arms: [arm("scratch", "from scratch"), arm("pixel-tokens", "pixel tokens"), arm("peco", "PeCo")],
    ...{ pictures: null, sessions: [] },
    rows: rows.map(([arm, seed, validation]) => ({
      ...{ arm, seed, budget: 320, lr: 0.001, networks: [0], figures: { top1: 0 }, gflop: {}, seconds: {} },
      ...{ artifacts: {}, validation },
    })),
  };
  writeFileSync(file, JSON.stringify(results));
  return file;
}

test("a line for each file and arm, with the file's own changes and the paired difference", async () => {
  const files = [
    resultsFile(
      ["codebook.size=128", 'data.x="a|b"'],
      [
        ["pixel-tokens", "1", { top1: 0.3, probe: 0.4 }],
        ["peco", "2", { top1: 0.5 }],
        ["peco", "1", { top1: 0.4, probe: 0.45, latents: 0.5 }],
        ["pixel-tokens", "2", { top1: 0.2 }],
      ],
    ),
    resultsFile([], [["peco", "1", { top1: 0.35 }]]),
  ];
  const { document, text } = await studyCompareCommand({ results: files });
  const { studies } = studyCompareDocument.parse(document);
  expect(studies.map(({ results, sets }) => [results, sets.length])).toEqual([
    [files[0], 2],
    [files[1], 0],
  ]);
  expect(studies[0]?.arms.map(({ arm, seeds }) => [arm, seeds])).toEqual([
    ["pixel-tokens", ["1", "2"]],
    ["peco", ["2", "1"]],
  ]);
  expect(studies[0]?.difference["top1"]?.mean).toBeCloseTo(0.2, 12);
  expect(studies[0]?.difference["top1"]?.deviation).toBeCloseTo(Math.sqrt(0.02), 12);
  expect(studies[0]?.difference["probe"]?.seeds).toBe(1);
  const lines = text.split("\n").slice(4);
  expect(lines).toHaveLength(5);
  expect(lines[0]).toContain(
    '| study/generated `codebook.size=128` `data.x="a\\|b"` | 320 labels | pixel tokens | 1, 2 |',
  );
  expect(lines[0]).toMatch(/\| \.250 ± \.071 \| \.400 \| {2}\| {2}\| {2}\|$/);
  expect(lines[2]).toMatch(/PeCo − pixel tokens \| 2 pairs \| \+\.200 ± \.141 \| \+\.050 \|/);
  expect(lines[4]).toMatch(/PeCo − pixel tokens \| no pairs \|/);
});

test("results from before there were validation figures are refused", async () => {
  const file = resultsFile([], [["peco", "1", undefined]]);
  await expect(studyCompareCommand({ results: [file] })).rejects.toThrow("before results had validation figures");
});

test("--json behind a subcommand's name is the subcommand's, though the command has one, too", async () => {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => written.mockRestore());
  const file = resultsFile([], [["peco", "1", { top1: 0.35 }]]);
  await program().parseAsync(["study", "compare", file, "--json"], { from: "user" });
  const { studies } = studyCompareDocument.parse(JSON.parse(written.mock.calls.join("")));
  expect(studies[0]?.results).toBe(file);
});
