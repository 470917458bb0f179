import { MOST_PAIRS } from "@peco/metrics";
import { loadRecipe, nearest, type Recipe } from "@peco/recipes";
import type { Experiment } from "../run/experiment.ts";
import { UsageError } from "../usage-error.ts";
import { type Arm, arms, type PretrainingFlops, type StudyRun, studyRuns } from "./arms.ts";
import type { StudyKind } from "./results.ts";

/** How many labelled pictures fine-tuning may use; null: all there are. */
export type Budget = number | null;

/** Which parts of a study are wanted. */
export interface Study {
  readonly kind: StudyKind;
  /** `generated`, `emoji`, or the name of the folder. */
  readonly name: string;
  /** The base recipe with its data, as `peco run` would carry it out. */
  readonly base: Experiment;
  /** The same with test pictures of another kind, on which all classifiers are tested, too; null: none. */
  readonly other: Experiment | null;
  readonly arms: readonly Arm[];
  readonly runs: readonly StudyRun[];
  readonly seeds: readonly bigint[];
  /** The first is the one that everything is measured at; at the others top-1 alone. */
  readonly budgets: readonly Budget[];
}

/** One run with one seed and one label budget. */
export interface Cell {
  readonly run: StudyRun;
  readonly seed: bigint;
  readonly budget: Budget;
}

/** Sensitivity runs take so many of the seeds. */
const sensitivitySeeds = 4;

/**
 * The arms that a list of names means, and the runs that they need.
 *
 * @param names null: all that the pictures allow
 * @throws UsageError for a name that there is not, with the nearest one
 */
export function chooseArms(
  names: readonly string[] | null,
  generated: boolean,
): { arms: readonly Arm[]; runs: readonly StudyRun[] } {
  const known = arms.filter((arm) => generated || !runOf(arm).sensitivity);
  for (const name of names ?? []) {
    if (known.some((arm) => arm.name === name)) continue;
    const near = nearest(
      name,
      known.map((arm) => arm.name),
    );
    throw new UsageError(
      `there is no arm "${name}"${near === null ? "" : `, did you mean "${near}"?`}`,
      `The arms are ${known.map((arm) => arm.name).join(", ")}.`,
    );
  }
  const wanted = known.filter(({ name }) => names === null || names.includes(name));
  const needed = new Set(wanted.map(({ run }) => run));
  // The FLOPs to match are those of these two.
  if (wanted.some((arm) => runOf(arm).matchesFlops)) for (const name of ["peco", "pixel-tokens"]) needed.add(name);
  return { arms: wanted, runs: studyRuns.filter(({ name }) => needed.has(name)) };
}

/** The run whose networks an arm's figures are. */
export function runOf(arm: Arm): StudyRun {
  return studyRuns.find(({ name }) => name === arm.run) as StudyRun;
}

/** What is to be carried out together: the cells of one seed and phase, most important first. */
export function unitsOf({ runs, seeds, budgets }: Study): Cell[][] {
  const cells = seeds.flatMap((seed, at) =>
    runs
      .filter((run) => !run.sensitivity || at < sensitivitySeeds)
      .flatMap((run) => (run.sensitivity ? budgets.slice(0, 1) : budgets).map((budget) => ({ run, seed, budget }))),
  );
  const phase = ({ run, budget }: Cell) => (run.phase === 1 || budget === budgets[0] ? run.phase : LAST_PHASE);
  return [1, 2, 3, 4, LAST_PHASE]
    .flatMap((at) => seeds.map((seed) => cells.filter((cell) => cell.seed === seed && phase(cell) === at)))
    .filter((unit) => unit.length > 0);
}

/** Further label budgets of all but the two runs of the primary endpoint. */
const LAST_PHASE = 5;

/** The seeds and the label budgets that an arm is measured with. */
export function extentOf(study: Study, arm: Arm): { seeds: readonly bigint[]; budgets: readonly Budget[] } {
  const { sensitivity } = runOf(arm);
  return {
    seeds: sensitivity ? study.seeds.slice(0, sensitivitySeeds) : study.seeds,
    budgets: sensitivity || arm.firstBudgetOnly ? study.budgets.slice(0, 1) : study.budgets,
  };
}

/** What is left out of the evaluation where top-1 alone is wanted: all else was measured at the first budget. */
const topOneAlone = [
  "evaluate.codeWords=false",
  "evaluate.triples=0",
  "evaluate.pictures=1",
  "evaluate.probe.labels=64",
];

/** The experiment of a cell: the base recipe with the changes of its run. */
export function experimentOf(study: Study, { run, seed, budget }: Cell, flops: PretrainingFlops | null): Experiment {
  const { base } = study;
  const firstBudget = budget === study.budgets[0];
  const sets = [
    ...base.loaded.sets,
    ...run.sets(base.loaded.recipe, { flops, firstBudget }),
    `finetune.labels=${budget ?? "null"}`,
    ...(firstBudget ? [] : topOneAlone),
  ];
  const loaded = loadRecipe(base.loaded.file, { sets, source: base.folder === null ? "generated" : "folder" });
  const partOf = `${study.name}, ${cellName({ run, budget })}`;
  return { ...base, loaded, partOf, seeds: [seed], stages: base.stagesOf(loaded.recipe) };
}

/**
 * The evaluation of a cell's networks on the other test pictures: what does not depend on them is left out.
 *
 * @param artifacts of the cell's stages
 */
export function otherExperimentOf(study: Study, of: Experiment, artifacts: ReadonlyMap<string, string>): Experiment {
  const other = study.other as Experiment;
  const sets = [...of.loaded.sets, "evaluate.codeWords=false", "evaluate.triples=0", "evaluate.pictures=1"];
  const loaded = loadRecipe(of.loaded.file, { sets, source: "folder" });
  const given = new Map([...artifacts].filter(([stage]) => stage !== "data" && stage !== "evaluate"));
  const stages = of.stagesOf(loaded.recipe).filter(({ name }) => name === "data" || name === "evaluate");
  const { folder, data } = other;
  return { ...of, loaded, partOf: `${of.partOf}, other style`, stages, given, folder, data };
}

/** A cell in a few words: `peco, 320 labels`. */
export function cellName({ run, budget }: Pick<Cell, "run" | "budget">): string {
  return `${run.name}, ${budgetName(budget)}`;
}

/** A label budget in words: `320 labels`, `all labels`. */
export function budgetName(budget: Budget): string {
  return `${budget === null ? "all" : budget.toLocaleString("en")} labels`;
}

/** Refuses what would only show after hours. @throws RecipeError UsageError */
export function checkAll(study: Study): Recipe[] {
  if (study.seeds.length > MOST_PAIRS)
    throw new UsageError(
      `${study.seeds.length} seeds are too many: the exact sign-flip test tries all signs of at most ${MOST_PAIRS} differences`,
      "Give fewer with --seeds, or divide them into several studies with an --out of their own.",
    );
  return unitsOf(study)
    .flat()
    .map((cell) => experimentOf(study, cell, null).loaded.recipe);
}
