import type { Store } from "@peco/artifacts";
import type { StageName } from "@peco/recipes";
import { type Evaluation, evaluation, evaluationBlob } from "@peco/report";
import type { FoundStage } from "../run/find-stages.ts";
import type { Arm } from "./arms.ts";
import { type FoundCell, findCell, gflopOf } from "./find-cell.ts";
import type { StudyResults, StudyRow } from "./results.ts";
import { type Budget, experimentOf, extentOf, runOf, type Study } from "./study.ts";

/** Gathers what is finished of a study from the store. */
export async function collect(study: Study, store: Store | null): Promise<Omit<StudyResults, "sessions">> {
  const rows: StudyRow[] = [];
  let pictures: StudyResults["pictures"] = null;
  const runs = new Map<string, Promise<FinishedCell | null>>();
  for (const arm of study.arms) {
    const { seeds, budgets } = extentOf(study, arm);
    for (const seed of seeds)
      for (const budget of budgets) {
        const name = `${arm.run} ${seed} ${budget}`;
        const cell = runs.get(name) ?? finishedCell(study, store, arm, seed, budget);
        runs.set(name, cell);
        const found = await cell;
        const row = found === null || store === null ? null : await rowOf(store, { arm, seed, budget }, found);
        if (row !== null) rows.push(row);
        pictures ??= found === null ? null : picturesOf(found.evaluation);
      }
  }
  const { loaded } = study.base;
  return {
    format: 1,
    study: study.name,
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
    pictures,
    rows,
  };
}

/** The changes that make an arm's run of the base recipe; steps that follow from counted FLOPs stand in its rows' artifacts. */
function setsOf(study: Study, arm: Arm): string[] {
  const seed = study.seeds[0] ?? 0n;
  const { loaded } = experimentOf(study, { run: runOf(arm), seed, budget: study.budgets[0] ?? null }, null);
  return loaded.sets
    .slice(study.base.loaded.sets.length)
    .filter((set) => !/^(finetune\.labels|evaluate\.)/.test(set))
    .filter((set) => runOf(arm).matchesFlops !== true || !set.startsWith("pretrain.steps="));
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

function picturesOf({ classification, pictures }: Evaluation): StudyResults["pictures"] {
  if (classification === null) return null;
  const { classes, labels, chance } = classification;
  return { classes: [...classes], test: pictures, validation: labels.validation, commonest: chance.commonest };
}

async function rowOf(
  store: Store,
  { arm, seed, budget }: { arm: Arm; seed: bigint; budget: Budget },
  found: FinishedCell,
): Promise<StudyRow | null> {
  const { stages, evaluation, other, otherArtifact } = found;
  const classifier = evaluation.classification?.arms.find(({ name }) => name === arm.classifier);
  if (classifier === undefined) return null;
  const own = arm.classifier === "from-scratch" ? fromScratch : pretrained;
  const lineage = stages.filter(({ stage }) => own.includes(stage.name));
  return {
    arm: arm.name,
    seed: String(seed),
    budget,
    lr: classifier.lr,
    networks: classifier.networks.map(({ top1 }) => top1),
    figures: {
      ...classifier.mean,
      ...(arm.classifier === "from-scratch" ? {} : networkFigures(evaluation)),
      ...(other === null ? {} : otherFigures(arm, other)),
    },
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

/** The same classifier on the other test pictures. */
function otherFigures(arm: Arm, { classification }: Evaluation): Record<string, number> {
  const classifier = classification?.arms.find(({ name }) => name === arm.classifier);
  const probe = classification?.probes.find(({ network }) => network !== "random");
  if (classifier === undefined) return {};
  return {
    otherTop1: classifier.mean.top1,
    otherBalanced: classifier.mean.balanced,
    ...(arm.classifier === "from-scratch" || probe === undefined ? {} : { otherProbe: probe.top1 }),
  };
}

/** Everything beside fine-tuning, of the network that it starts from and of the tokenizer. */
function networkFigures({ classification, codebook, maskedTokens, triples }: Evaluation): Record<string, number> {
  const probe = classification?.probes.find(({ network }) => network !== "random");
  const neighbours = classification?.nearestNeighbours.find(({ network }) => network !== "random");
  const words = classification?.codeWords?.map(({ representation, test }) => [representation, test] as const) ?? [];
  const hard = triples?.settings.find(({ kind, shift, sigma }) => kind === "shift" && shift === 1 && sigma === 1);
  const choice = hard?.distances.find(({ distance }) => distance === "tokens")?.score;
  const figures: Record<string, number | undefined> = {
    probe: probe?.top1,
    neighbours: neighbours?.top1,
    ...Object.fromEntries(words),
    usage: codebook?.usage,
    perplexity: codebook?.perplexity,
    bits: codebook?.bits,
    maskedAccuracy: maskedTokens?.accuracy,
    tokenChoice: choice,
  };
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
