import { digestOf, type Store } from "@peco/artifacts";
import { type StageName, stageKeyParts } from "@peco/recipes";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { clock } from "../run/display.ts";
import { estimate } from "../run/dry-run.ts";
import type { Experiment } from "../run/experiment.ts";
import type { FoundStage } from "../run/find-stages.ts";
import { table } from "../table.ts";
import { findCell } from "./find-cell.ts";
import { budgetName, type Cell, experimentOf, type Study, unitsOf } from "./study.ts";

/** The document of `peco study --dry-run --json`. */
export const studyPlanDocument = z.object({
  dryRun: z.literal(true),
  study: z.string(),
  seeds: z.array(z.string()),
  cells: z.array(
    z.object({
      run: z.string(),
      seed: z.string(),
      budget: z.int().nullable(),
      state: z.enum(["finished", "missing"]),
      /** Of the stages that no cell before it has made, one job at a time. */
      estimatedSeconds: z.number(),
    }),
  ),
  jobs: z.int(),
  estimatedSeconds: z.number(),
});
type StudyPlan = z.infer<typeof studyPlanDocument>;

/** How much longer one thread takes than the two that the estimates are measured with, two processes side by side. */
const ONE_OF_TWO = 2 / 1.3;

/** Says what is finished of a study and how long the rest takes; runs nothing. */
export async function planStudy(study: Study, store: Store | null, jobs: number): Promise<Answer> {
  const made = new Set<string>();
  const cells: StudyPlan["cells"] = [];
  for (const cell of unitsOf(study).flat()) {
    const found = await findCell(study, store, cell);
    const finished = found?.finished === true;
    const isThere = (stages: readonly FoundStage[] | undefined) => (name: StageName) => {
      const result = stages?.find(({ stage }) => stage.name === name)?.result;
      return result !== null && result !== undefined;
    };
    const estimatedSeconds =
      secondsOf(study, cell, made, isThere(found?.stages)) +
      otherSeconds(study, cell, made, isThere(found?.other?.stages));
    const { run, seed, budget } = cell;
    const state = finished ? "finished" : "missing";
    cells.push({ run: run.name, seed: String(seed), budget, state, estimatedSeconds });
  }
  const estimatedSeconds = cells.reduce((sum, cell) => sum + cell.estimatedSeconds, 0) / jobs;
  const document: StudyPlan = {
    dryRun: true,
    study: study.name,
    seeds: study.seeds.map(String),
    cells,
    jobs,
    estimatedSeconds,
  };
  return { document, text: textOf(study, document) };
}

/** Seconds of a cell's stages that neither the store has nor a cell before it makes. */
function secondsOf(study: Study, cell: Cell, made: Set<string>, isThere: (stage: StageName) => boolean): number {
  const experiment = experimentOf(study, cell, null);
  const keys = new Map<string, string>();
  let seconds = 0;
  for (const stage of experiment.stages) {
    // Without digests of artifacts the keys of the inputs name them: what is shared in the store is shared here, too.
    const inputs = Object.fromEntries(Object.entries(stage.inputs).map(([name, from]) => [name, keys.get(from) ?? ""]));
    const key = digestOf(stageKeyParts(stage, inputs, cell.seed));
    keys.set(stage.name, key);
    const known = made.has(key) || isThere(stage.name);
    made.add(key);
    if (!known) seconds += secondsFor(experiment, stage.name);
  }
  return seconds;
}

/** Seconds of the evaluation on the study's other test pictures, which are packed once for all cells. */
function otherSeconds(study: Study, cell: Cell, made: Set<string>, isThere: (stage: StageName) => boolean): number {
  if (study.other === null) return 0;
  const experiment = { ...experimentOf(study, cell, null), folder: study.other.folder };
  const packed = isThere("data") || made.has("data, other style");
  made.add("data, other style");
  return (packed ? 0 : secondsFor(experiment, "data")) + (isThere("evaluate") ? 0 : secondsFor(experiment, "evaluate"));
}

/** Seconds of a stage with the recipe's threads. */
function secondsFor(experiment: Experiment, stage: StageName): number {
  return estimate(experiment, stage) * (experiment.loaded.recipe.runtime.threads === 1 ? ONE_OF_TWO : 1);
}

function textOf(study: Study, { cells, estimatedSeconds, jobs }: StudyPlan): string {
  const names = [...new Set(cells.map(({ run, budget }) => `${run}\0${budget}`))];
  const rows = names.map((name) => {
    const own = cells.filter(({ run, budget }) => `${run}\0${budget}` === name);
    const [first] = own as [StudyPlan["cells"][number]];
    const seconds = own.reduce((sum, cell) => sum + cell.estimatedSeconds, 0);
    const finished = own.filter(({ state }) => state === "finished").length;
    return [first.run, budgetName(first.budget), { right: `${finished}/${own.length}` }, { right: clock(seconds) }];
  });
  return [
    `study ${study.name}: recipe ${study.base.loaded.name}, seeds ${study.seeds.join(", ")}, store ${study.base.store}`,
    table(["run", "labels", "finished", "to run, one job"], rows),
    `arms: ${study.arms.map(({ name }) => name).join(", ")}`,
    `about ${clock(estimatedSeconds)} with ${jobs} ${jobs === 1 ? "job" : "jobs"} on a quiet machine; what stands first is carried out first, for all seeds`,
  ].join("\n");
}
