import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { expect, onTestFinished, test } from "vitest";
import { chooseArms, experimentOf, otherExperimentOf, type Study } from "../study/study.ts";
import { experiment } from "./experiment.ts";
import { commandLine, RunLog } from "./run-log.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "peco-log-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

async function study(): Promise<Study> {
  const base = await experiment({ recipe: "study/generated", set: ["codebook.size=128"] });
  const common = { kind: "generated", name: "generated", base, other: base, ...chooseArms(["peco"], true) } as const;
  return { ...common, seeds: [11n], budgets: [320] };
}

test("the command of a run is one that can be given", async () => {
  const what = await experiment({ recipe: "tiny", set: ["pretrain.steps=3"], seeds: [1n, 2n], until: "codebook" });
  expect(commandLine(what)).toBe("./peco run --recipe tiny --set pretrain.steps=3 --seeds 1,2 --until codebook");
});

test("a recipe of the user's is named by its file", async () => {
  const file = join(folder(), "small.yaml");
  writeFileSync(file, "extends: tiny\n");
  expect(commandLine(await experiment({ recipe: file }))).toBe(`./peco run --recipe ${file} --seed 1`);
});

test("the command of a study's cell names the recipe that it changes, and does the same", async () => {
  const all = await study();
  const [run] = all.runs.filter(({ name }) => name === "peco");
  const cell = experimentOf(all, { run: run as (typeof all.runs)[number], seed: 11n, budget: 320 }, null);
  const words = (commandLine(cell) as string).split(" ");
  const [recipe] = words.slice(words.indexOf("--recipe") + 1);
  const set = words.flatMap((word, at) => (words[at - 1] === "--set" ? [word] : []));
  const again = await experiment({ recipe: recipe as string, set, seed: 11n });
  expect(again.loaded.recipe).toEqual(cell.loaded.recipe);
  expect(words.slice(-2)).toEqual(["--seed", "11"]);
});

test("a record tells what it is a part of, and that networks were given to it", async () => {
  const all = await study();
  const [run] = all.runs as [(typeof all.runs)[number]];
  const cell = experimentOf(all, { run, seed: 11n, budget: 320 }, null);
  const other = otherExperimentOf(all, cell, new Map([["pretrain", "f".repeat(64)]]));
  const store = await Store.open(folder(), { create: true });
  const { record } = await RunLog.create(store, cell, null);
  expect(record.recipe.name).toBe("study/generated");
  expect(record.notes).toContain("Part of a study: generated, peco, 320 labels.");
  const { record: second } = await RunLog.create(store, other, null);
  expect(second.command).toBeUndefined();
  expect(second.notes[0]).toBe("Part of a study: generated, peco, 320 labels, other style.");
  expect(second.notes[1]).toContain("given what earlier runs made (pretrain ffffffffffff)");
});
