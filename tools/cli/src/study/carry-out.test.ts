import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import type { Recipe } from "@peco/recipes";
import { expect, onTestFinished, test } from "vitest";
import { Display } from "../run/display.ts";
import { experiment } from "../run/experiment.ts";
import { carryOutStudy, type StudyWork } from "./carry-out.ts";
import { chooseArms } from "./study.ts";

class Lines extends Display {
  readonly lines: string[] = [];
  override line(text: string): void {
    this.lines.push(text);
  }
}

/** The work of a study whose every cell fails: its stages are of a service that there is not. */
async function failing(names: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "peco-carry-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const base = await experiment({ recipe: "tiny", store: folder });
  const stagesOf = (recipe: Recipe) =>
    base.stagesOf(recipe).map((stage) => ({ ...stage, service: "nothing" as never }));
  const display = new Lines();
  let units = 0;
  const work: StudyWork = {
    study: {
      ...{ kind: "generated", name: "generated", other: null, seeds: [11n], budgets: [32] },
      base: { ...base, stagesOf, stages: stagesOf(base.loaded.recipe) },
      ...chooseArms(names, true),
    },
    store: await Store.open(folder, { create: true }),
    ...{ display, signal: new AbortController().signal, jobs: 1, deadlineMs: Number.POSITIVE_INFINITY },
    ...{ tensorflow: null, services: new Set() },
    onUnit: async () => void units++,
  };
  return { work, display, units: () => units };
}

test("a cell that fails is told and left out, and the next one is carried out", async () => {
  const { work, display, units } = await failing(["pixel-tokens", "peco"]);
  const failed = await carryOutStudy(work);
  expect(failed.map(({ cell }) => cell.run.name)).toEqual(["pixel-tokens", "peco"]);
  expect(display.lines.filter((line) => line.includes("| failed: "))).toHaveLength(2);
  expect(units()).toBe(1);
  expect(work.services.size).toBe(0);
});

test("three failures in a row end the study", async () => {
  const { work, display } = await failing(["pixel-tokens", "peco", "untrained-network", "masked-pixels"]);
  await expect(carryOutStudy(work)).rejects.toThrow();
  expect(display.lines.filter((line) => line.includes("| failed: "))).toHaveLength(3);
});

test("behind its hours nothing is begun", async () => {
  const { work, display, units } = await failing(["pixel-tokens"]);
  expect(await carryOutStudy({ ...work, deadlineMs: performance.now() })).toEqual([]);
  expect({ lines: display.lines, units: units(), runs: await work.store.runs.list() }).toEqual({
    lines: [],
    units: 0,
    runs: [],
  });
});

test("Ctrl-C is no failure of a cell", async () => {
  const { work, display } = await failing(["pixel-tokens"]);
  const stop = new AbortController();
  stop.abort(new Error("interrupted"));
  await expect(carryOutStudy({ ...work, signal: stop.signal })).rejects.toThrow("interrupted");
  expect(display.lines).toEqual([]);
});
