import { expect, test } from "vitest";
import { estimate } from "../run/dry-run.ts";
import { experiment } from "../run/experiment.ts";
import { planStudy, studyPlanDocument } from "./plan.ts";
import { chooseArms, experimentOf, otherExperimentOf, type Study } from "./study.ts";

/** A study without a store; a thread, so that an estimate is of one of two threads. */
async function study(names: string[], other: boolean): Promise<Study> {
  const base = await experiment({ recipe: "study/generated" });
  const folder = { path: "other", digest: "0".repeat(64), files: new Array(1000), classes: ["a", "b"] } as never;
  return {
    ...{ kind: "generated", name: "generated", base, seeds: [11n], budgets: [320, 1024] },
    other: other ? { ...base, folder, data: "/other" } : null,
    ...chooseArms(names, true),
  };
}

const planned = async (of: Study, jobs = 1) => studyPlanDocument.parse((await planStudy(of, null, jobs)).document);

test("what a cell before has made is not counted again", async () => {
  const { cells, estimatedSeconds } = await planned(await study(["pixel-tokens", "peco"], false));
  const seconds = Object.fromEntries(cells.map((cell) => [`${cell.run} ${cell.budget}`, cell.estimatedSeconds]));
  expect(cells.every(({ state }) => state === "missing")).toBe(true);
  expect(estimatedSeconds).toBeCloseTo(
    cells.reduce((sum, cell) => sum + cell.estimatedSeconds, 0),
    6,
  );
  const { base } = await study(["peco"], false);
  const alone = (["finetune", "evaluate"] as const).reduce((sum, stage) => sum + estimate(base, stage), 0);
  // one thread of two that together are 1.3 times as fast
  expect(seconds["pixel-tokens 1024"]).toBeCloseTo((alone * 2) / 1.3, 6);
  expect(seconds["pixel-tokens 320"]).toBeGreaterThan(2 * (seconds["pixel-tokens 1024"] as number));
});

test("seeds side by side share the time", async () => {
  const of = await study(["pixel-tokens"], false);
  expect((await planned(of, 2)).estimatedSeconds).toBeCloseTo((await planned(of, 1)).estimatedSeconds / 2, 6);
});

test("the evaluation on the other test pictures takes its time, too", async () => {
  const [without, both] = [await study(["pixel-tokens"], false), await study(["pixel-tokens"], true)];
  const [a, b] = [await planned(without), await planned(both)];
  const other = both.other as NonNullable<Study["other"]>;
  const each = (estimate(other, "evaluate") * 2) / 1.3;
  const [first, second] = b.cells.map((cell, i) => cell.estimatedSeconds - (a.cells[i]?.estimatedSeconds as number));
  expect(second).toBeCloseTo(each, 6);
  // packed once
  expect(first).toBeCloseTo(each + (estimate(other, "data") * 2) / 1.3, 6);
});

test("the other test pictures meet the cell's own networks, in an evaluation of what depends on them", async () => {
  const both = await study(["peco"], true);
  const cell = experimentOf(both, { run: both.runs[0] as Study["runs"][number], seed: 11n, budget: 320 }, null);
  const artifacts = new Map(cell.stages.map(({ name }, i) => [name as string, String(i)]));
  const found = otherExperimentOf(both, cell, artifacts);
  expect(found.stages.map(({ name }) => name)).toEqual(["data", "evaluate"]);
  expect([...(found.given?.keys() ?? [])]).toEqual(
    cell.stages.map(({ name }) => name).filter((name) => name !== "data" && name !== "evaluate"),
  );
  expect(found).toMatchObject({ data: "/other", folder: both.other?.folder, seeds: [11n] });
  const { evaluate, ...rest } = found.loaded.recipe;
  expect(evaluate).toMatchObject({ codeWords: false, triples: 0, pictures: 1 });
  expect(evaluate.probe).toEqual(cell.loaded.recipe.evaluate.probe);
  expect({ ...rest, data: null }).toEqual({ ...cell.loaded.recipe, evaluate: undefined, data: null });
});
