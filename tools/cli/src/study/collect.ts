import type { Store } from "@peco/artifacts";
import type { StageName } from "@peco/recipes";
import { type Evaluation, evaluation, evaluationBlob } from "@peco/report";
import type { FoundStage } from "../run/find-stages.ts";
import type { Arm } from "./arms.ts";
import { type FoundCell, findCell, gflopOf } from "./find-cell.ts";
import type { StudyResults, StudyRow } from "./results.ts";
import { otherFigures, rowFigures } from "./row-figures.ts";
import { type Budget, experimentOf, extentOf, runOf, type Study } from "./study.ts";

/** Gathers what is finished of a study from the store. */
export async function collect(study: Study, store: Store | null): Promise<Omit<StudyResults, "sessions">> {
  const rows: StudyRow[] = [];
  const evaluations: Evaluation[] = [];
  const runs = new Map<string, Promise<FinishedCell | null>>();
  for (const arm of study.arms) {
    const { seeds, budgets } = extentOf(study, arm);
    for (const seed of seeds)
      for (const budget of budgets) {
        const name = `${arm.run} ${seed} ${budget}`;
        const cell = runs.get(name) ?? finishedCell(study, store, arm, seed, budget);
        runs.set(name, cell);
        const found = await cell;
        const place = { arm, seed, budget, firstBudget: budget === budgets[0] };
        const row = found === null || store === null ? null : await rowOf(store, place, found);
        if (row !== null) rows.push(row);
        if (found !== null && place.firstBudget) evaluations.push(found.evaluation);
      }
  }
  const { loaded } = study.base;
  return {
    format: 1,
    study: study.name,
    kind: study.kind,
    // where the list of labels lies is nothing to a reader
    recipe: { name: loaded.name, sets: loaded.sets.filter((set) => !set.startsWith("data.folder.labelsFile=")) },
    seeds: study.seeds.map(String),
    budgets: [...study.budgets],
    arms: study.arms.map((arm) => ({
      name: arm.name,
      title: arm.title,
      what: arm.what,
      seeds: extentOf(study, arm).seeds.length,
      budgets: extentOf(study, arm).budgets.length,
      sets: setsOf(study, arm),
    })),
    pictures: picturesOf(evaluations),
    rows,
  };
}

/**
 * The changes of the base recipe that make an arm. A run has classifiers of two arms: each shows what concerns its own. Steps that follow
 * from counted FLOPs stand in its rows' artifacts.
 */
function setsOf(study: Study, arm: Arm): string[] {
  const seed = study.seeds[0] ?? 0n;
  const { loaded } = experimentOf(study, { run: runOf(arm), seed, budget: study.budgets[0] ?? null }, null);
  return loaded.sets
    .slice(study.base.loaded.sets.length)
    .filter((set) => !/^(finetune\.labels|evaluate\.)/.test(set))
    .filter((set) => set.startsWith("finetune.fromScratchSteps=") === (arm.classifier === "from-scratch"))
    .filter((set) => runOf(arm).matchesFlops !== true || !set.startsWith("pretrain.steps="));
}

/** Whose figures a row has. */
interface Place {
  readonly arm: Arm;
  readonly seed: bigint;
  readonly budget: Budget;
  readonly firstBudget: boolean;
}

type FinishedCell = Pick<FoundCell, "stages"> & {
  readonly evaluation: Evaluation;
  /** On the study's other test pictures. */
  readonly other: Evaluation | null;
  readonly otherArtifact: string | null;
};

async function finishedCell(
  study: Study,
  store: Store | null,
  arm: Arm,
  seed: bigint,
  budget: Budget,
): Promise<FinishedCell | null> {
  const found = await findCell(study, store, { run: runOf(arm), seed, budget });
  const result = found?.stages.find(({ stage }) => stage.name === "evaluate")?.result;
  if (store === null || found === null || result === null || result === undefined) return null;
  const other = found.other?.stages.find(({ stage }) => stage.name === "evaluate")?.result ?? null;
  return {
    stages: found.stages,
    evaluation: await readEvaluation(store, result.artifact),
    other: other === null ? null : await readEvaluation(store, other.artifact),
    otherArtifact: other?.artifact ?? null,
  };
}

async function readEvaluation(store: Store, artifact: string): Promise<Evaluation> {
  const bytes = await store.artifactBlob(artifact, evaluationBlob);
  return evaluation.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

/** @param evaluations of the first budget, where probes have all their labels */
function picturesOf(evaluations: readonly Evaluation[]): StudyResults["pictures"] {
  const [first] = evaluations;
  const all = evaluations.flatMap(({ classification }) => classification ?? []);
  const [classified] = all;
  if (first === undefined || classified === undefined) return null;
  const shares = all.map(({ chance }) => chance.commonest);
  return {
    classes: [...classified.classes],
    test: first.pictures,
    validation: classified.labels.validation,
    commonest: classified.chance.commonest,
    commonestOver: [Math.min(...shares), Math.max(...shares)],
    probeLabels: classified.probeLabels,
  };
}

async function rowOf(
  store: Store,
  { arm, seed, budget, firstBudget }: Place,
  { stages, evaluation, other, otherArtifact }: FinishedCell,
): Promise<StudyRow | null> {
  const found = rowFigures(arm, evaluation, firstBudget);
  if (found === null) return null;
  const own = arm.classifier === "from-scratch" ? fromScratch : pretrained;
  const lineage = stages.filter(({ stage }) => own.includes(stage.name));
  return {
    arm: arm.name,
    seed: String(seed),
    budget,
    lr: found.lr,
    networks: [...found.networks],
    figures: { ...found.figures, ...(other === null ? {} : otherFigures(arm, other, firstBudget)) },
    validation: found.validation,
    gflop: await byStage(lineage, (stage) => gflopOf(store, stage)),
    seconds: await byStage(lineage, ({ result }) => number(result?.record["seconds"])),
    artifacts: {
      ...Object.fromEntries(lineage.map(({ stage, result }) => [stage.name, result?.artifact ?? ""])),
      ...(otherArtifact === null ? {} : { "evaluate, other style": otherArtifact }),
    },
  };
}

const fromScratch: readonly StageName[] = ["data", "finetune-from-scratch", "evaluate"];
const pretrained: readonly StageName[] = ["data", "perceptual-network", "codebook", "pretrain", "finetune", "evaluate"];

async function byStage(
  stages: readonly FoundStage[],
  figure: (found: FoundStage) => number | null | Promise<number | null>,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const found of stages) {
    const value = await figure(found);
    if (value !== null) figures[found.stage.name] = value;
  }
  return figures;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
