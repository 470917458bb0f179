import { type Manifest, ObjectMissing, type RunRecord, type RunStage, type Store } from "@peco/artifacts";
import { type DataSummary, readDataSummary } from "../data-summary.ts";
import { recipeValues } from "../recipe-values.ts";
import { type CardArtifact, cardFormat, type ReproducibilityCard, reproducibilityCard } from "./card.ts";
import { inputsOf } from "./inputs.ts";
import { pseudocode } from "./pseudocode.ts";

/**
 * The reproducibility card of a finished run, from its record and the store.
 *
 * @throws ObjectMissing when the run did not finish, or an artifact of it is gone
 * @throws CorruptObject ZodError
 */
export async function makeCard(store: Store, id: string): Promise<ReproducibilityCard> {
  const run = await store.runs.read(id);
  if (run.state !== "done") {
    throw new ObjectMissing(`run ${id} is ${run.state}: only a finished run has a card`, {
      path: store.runs.folder(id),
      remedy: "Give the same `./peco run` again: it goes on from where it stopped.",
    });
  }
  const artifacts: CardArtifact[] = [];
  for (const stage of run.stages) artifacts.push(await cardArtifactOf(store, stage));
  const data = run.stages.filter(({ name }) => name === "data");
  const summary = await readDataSummary(store, data[0]?.artifact ?? "", run);
  const { revision, changed, lockfile, devices, accelerator, ...software } = run.software;
  return reproducibilityCard.parse({
    format: cardFormat,
    run: run.id,
    created: run.created,
    pseudocode: pseudocode([...new Set(run.stages.map(({ name }) => name))], run.recipe.resolved),
    code: {
      licence: "Apache-2.0",
      revision: revision ?? null,
      changed: changed === true,
      lockfile: lockfile ?? null,
    },
    data: dataOf(run, summary, data),
    inputs: await inputsOf(store, run),
    splits: { definition: summary.split, counts: summary.counts, labelled: summary.labelled, classes: summary.classes },
    hardware: {
      ...run.machine,
      ...(devices === undefined ? {} : { devices }),
      ...(accelerator === undefined ? {} : { accelerator }),
    },
    software,
    experiment: {
      command: run.command ?? "",
      recipe: run.recipe.name,
      resolved: run.recipe.resolved,
      values: recipeValues(run.recipe.resolved),
      seeds: run.seeds,
      seconds: run.seconds,
      artifacts,
    },
  });
}

function dataOf(run: RunRecord, summary: DataSummary, stages: readonly RunStage[]): ReproducibilityCard["data"] {
  return {
    source: run.data ?? "generated",
    artifacts: Object.fromEntries(stages.map(({ seed, artifact }) => [seed, artifact ?? ""])),
    licence:
      run.data === null
        ? "made by this software, Apache-2.0"
        : "the user's own pictures: not recorded; the hashes of the packed pictures name them",
    skipped: summary.skipped.length,
    copies: summary.copies.files,
  };
}

async function cardArtifactOf(store: Store, stage: RunStage): Promise<CardArtifact> {
  const { name, seed, key, artifact, seconds, metrics } = stage;
  const { kind, blobs }: Manifest = await store.manifest(artifact ?? "");
  return {
    stage: name,
    seed,
    key: key ?? "",
    artifact: artifact ?? "",
    kind,
    blobs,
    figures: figuresOf(metrics),
    seconds,
  };
}

/** Names of figures that say how long something took: they differ from run to run and say nothing about the result. */
const timing = /(?:seconds|stepsTimed|waitShare|perSecond)$/i;

/** The numbers among a stage's metrics by dotted name, without times. */
export function figuresOf(metrics: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(numbers("", metrics).filter(([name]) => !timing.test(name)));
}

function numbers(path: string, value: unknown): [string, number][] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => numbers(path === "" ? name : `${path}.${name}`, inner));
}
