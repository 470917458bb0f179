import { type Stage, stageGraph } from "@peco/recipes";
import { expect, test } from "vitest";
import { experiment } from "../run/experiment.ts";
import { arms, studyRuns } from "./arms.ts";
import { checkAll, chooseArms, experimentOf, type Study, unitsOf } from "./study.ts";

const flops = { perceptualNetwork: 4000, codebook: 3000, pixelCodebook: 2000, pretrain: 3500 };

async function studyWith(names: string[] | null = null): Promise<Study> {
  const base = await experiment({ recipe: "study/generated" });
  return {
    kind: "generated",
    name: "generated",
    base,
    other: null,
    ...chooseArms(names, true),
    seeds: [11n, 12n, 13n, 14n, 15n],
    budgets: [320, 1024],
  };
}

/** Each run's stages at the first budget, by name. */
async function stagesByRun(): Promise<Record<string, Record<string, Stage>>> {
  const study = await studyWith();
  return Object.fromEntries(
    studyRuns.map((run) => {
      const { stages } = experimentOf(study, { run, seed: 11n, budget: 320 }, flops);
      return [run.name, Object.fromEntries(stages.map((stage) => [stage.name, stage]))];
    }),
  );
}

/** A stage's own part of the recipe, which with seed and inputs makes its key. */
const own = (stage: Stage | undefined) => stage?.recipe;

/** What fine-tuning depends on, but for training from scratch, which is a stage of its own. */
function finetuneOf(run: Readonly<Record<string, Stage>> | undefined): unknown {
  return { ...(own(run?.["finetune"])?.["finetune"] as object), fromScratchSteps: undefined };
}

test("what arms share has one key", async () => {
  const runs = await stagesByRun();
  const { peco, "pixel-tokens": pixel, "pixel-tokens-flops": matched, "feature-kmeans": kmeans } = runs;
  for (const [name, run] of Object.entries(runs))
    if (!name.endsWith("no-colour")) expect(own(run["data"]), name).toEqual(own(peco?.["data"]));
  expect(own(runs["peco-no-colour"]?.["data"])).toEqual(own(runs["pixel-tokens-no-colour"]?.["data"]));
  for (const other of [kmeans, runs["perceptual-network"], runs["peco-no-colour"]])
    expect(own(other?.["perceptual-network"])).toEqual(own(peco?.["perceptual-network"]));
  expect(own(runs["peco-weak-colour"]?.["perceptual-network"])).not.toEqual(own(peco?.["perceptual-network"]));
  expect(own(matched?.["codebook"])).toEqual(own(pixel?.["codebook"]));
});

test("arms differ in nothing but what makes them arms", async () => {
  const runs = await stagesByRun();
  const { peco } = runs;
  for (const name of ["pixel-tokens", "untrained-network", "feature-kmeans", "peco-weak-colour"]) {
    expect(own(runs[name]?.["pretrain"]), name).toEqual(own(peco?.["pretrain"]));
    expect(finetuneOf(runs[name]), name).toEqual(finetuneOf(peco));
  }
  expect(runs["pixel-tokens"]?.["perceptual-network"]).toBeUndefined();
  expect(runs["masked-pixels"]?.["codebook"]).toBeUndefined();
  expect(runs["perceptual-network"]?.["pretrain"]).toBeUndefined();
});

test("one run trains from scratch, another with four times the steps", async () => {
  const runs = await stagesByRun();
  const trained = Object.entries(runs).filter(([, stages]) => stages["finetune-from-scratch"] !== undefined);
  expect(trained.map(([name]) => name)).toEqual(["peco", "perceptual-network"]);
  for (const arm of arms.filter(({ classifier }) => classifier === "from-scratch"))
    expect(trained.map(([name]) => name)).toContain(arm.run);
});

test("the run that matches FLOPs spends on masked modelling what PeCo spends elsewhere", async () => {
  const study = await studyWith();
  const run = studyRuns.find(({ name }) => name === "pixel-tokens-flops") as (typeof studyRuns)[number];
  const { pretrain } = experimentOf(study, { run, seed: 11n, budget: 320 }, flops).loaded.recipe;
  const perStep = flops.pretrain / study.base.loaded.recipe.pretrain.steps;
  const spent = flops.pixelCodebook + pretrain.steps * perStep;
  expect(Math.abs(spent - (flops.perceptualNetwork + flops.codebook + flops.pretrain))).toBeLessThan(perStep);
});

test("the primary endpoint comes first for all seeds, further budgets of other arms last", async () => {
  const study = await studyWith();
  const units = unitsOf(study);
  expect(units.slice(0, 5).map(([cell]) => cell?.seed)).toEqual(study.seeds);
  expect(units[0]?.map(({ run, budget }) => `${run.name} ${budget}`)).toEqual([
    "pixel-tokens 320",
    "pixel-tokens 1024",
    "peco 320",
    "peco 1024",
  ]);
  const last = units.slice(-5).flat();
  expect(new Set(last.map(({ budget }) => budget))).toEqual(new Set([1024]));
  const cells = units.flat();
  expect(cells.filter(({ run }) => run.name === "peco-no-colour").map(({ seed }) => seed)).toEqual([
    11n,
    12n,
    13n,
    14n,
  ]);
  expect(cells).toHaveLength(new Set(cells.map(({ run, seed, budget }) => `${run.name} ${seed} ${budget}`)).size);
});

test("arms are chosen by name, with the runs that they need", async () => {
  expect((await studyWith(["scratch"])).runs.map(({ name }) => name)).toEqual(["peco"]);
  expect((await studyWith(["pixel-tokens-flops"])).runs.map(({ name }) => name)).toEqual([
    "pixel-tokens",
    "peco",
    "pixel-tokens-flops",
  ]);
  expect(() => chooseArms(["pixel-token"], true)).toThrow(
    'there is no arm "pixel-token", did you mean "pixel-tokens"?',
  );
  expect(() => chooseArms(["peco-no-colour"], false)).toThrow("there is no arm");
});

test("every arm's run is there, and every run's recipe is possible", async () => {
  const study = await studyWith();
  for (const cell of unitsOf(study).flat()) {
    const { loaded, stages } = experimentOf(study, cell, null);
    expect(stages).toEqual(stageGraph(loaded.recipe, { labelled: true, source: "generated" }));
    expect(loaded.recipe.finetune.labels).toBe(cell.budget);
  }
  for (const { run } of arms) expect(studyRuns.map(({ name }) => name)).toContain(run);
});

test("more seeds than the statistics can take are refused before anything runs", async () => {
  const study = await studyWith(["pixel-tokens"]);
  const seeds = (count: number) => Array.from({ length: count }, (_, i) => BigInt(i + 1));
  expect(checkAll({ ...study, seeds: seeds(24) })).toHaveLength(48);
  expect(() => checkAll({ ...study, seeds: seeds(25) })).toThrow("25 seeds are too many");
});
