import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type StudyResults, studyResults } from "../src/study/results.ts";
import { peco } from "./peco.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-study-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const words = (...more: string[]) => [
  "study",
  ...["--recipe", "tiny", "--set", "runtime.threads=1", "--seeds", "11,12", "--jobs", "2", "--budgets", "32"],
  ...["--store", join(folder, "store"), "--out", folder, "--json"],
  ...more,
];

function results(): StudyResults {
  return studyResults.parse(JSON.parse(readFileSync(join(folder, "study", "results.json"), "utf8")));
}

it("carries out arms side by side, goes on with what lacks, and pairs them by seed", { timeout: 600_000 }, async () => {
  const first = await peco(words("--arms", "pixel-tokens"));
  expect(first.code, first.stderr).toBe(0);
  expect(results().rows.map(({ arm, seed }) => `${arm} ${seed}`)).toEqual(["pixel-tokens 11", "pixel-tokens 12"]);

  const second = await peco(words("--arms", "pixel-tokens,peco,scratch"));
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).not.toMatch(/pixel-tokens, 32 labels \| codebook +(runs|done)/);
  const { rows, sessions } = results();
  expect(sessions).toHaveLength(2);
  expect(rows).toHaveLength(6);
  for (const seed of ["11", "12"]) {
    const own = rows.filter((row) => row.seed === seed);
    expect(new Set(own.map(({ artifacts }) => artifacts["data"])).size).toBe(1);
    expect(new Set(own.map(({ figures }) => JSON.stringify(figures))).size).toBe(3);
  }
  for (const { networks, figures } of rows) expect(figures["top1"]).toBeCloseTo(networks[0] as number, 9);
  expect(readFileSync(join(folder, "study.md"), "utf8")).toContain("PeCo − from scratch");

  const third = await peco(words("--arms", "pixel-tokens,peco,scratch"));
  expect(third.code).toBe(0);
  expect(third.stderr).not.toContain("done in");
  expect(results().sessions).toHaveLength(2);

  const page = readFileSync(join(folder, "study.md"), "utf8");
  const again = await peco(["study", "report", "--results", join(folder, "study", "results.json")]);
  expect(again.code, again.stderr).toBe(0);
  expect(readFileSync(join(folder, "study.md"), "utf8")).toBe(page);
});
