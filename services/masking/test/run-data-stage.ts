import { digestOf, Store } from "@peco/artifacts";
import { identifyFolder } from "@peco/data";
import { loadRecipe, type Recipe, stageGraph, stageKeyParts } from "@peco/recipes";
import { executeStage, type Outcome, type StageProgress, type StageSpec } from "@peco/stage";
import { createLogger } from "@peco/telemetry";
import { dataStage } from "../src/data-stage.ts";

/** A store in `folder`, made when it is not there, with the `data` artifact of a recipe and seed, or of a folder of pictures. */
export async function runDataStage(
  folder: string,
  options: { recipe?: Recipe; seed?: bigint; pictures?: string; signal?: AbortSignal } = {},
): Promise<Outcome & { store: Store; notes: string[] }> {
  const store = await Store.open(folder, { create: true });
  const notes: string[] = [];
  const emit = (event: { kind: string }) => {
    if (event.kind === "note") notes.push((event as StageProgress & { kind: "note" }).text);
  };
  const spec = await dataSpec(folder, options);
  const signal = options.signal ?? new AbortController().signal;
  const outcome = await executeStage(dataStage, spec, { emit, signal, log: createLogger("test", { level: "silent" }) });
  return { ...outcome, store, notes };
}

/** What `run --spec` and `executeStage` take: the `data` stage of a recipe and seed, or of a folder. */
export async function dataSpec(
  store: string,
  { recipe = tiny(), seed = 1n, pictures }: { recipe?: Recipe; seed?: bigint; pictures?: string },
): Promise<StageSpec> {
  const source = pictures === undefined ? ("generated" as const) : ("folder" as const);
  const [stage] = stageGraph(recipe, { labelled: true, source });
  if (stage === undefined) throw new Error("no data stage");
  const inputs = pictures === undefined ? {} : { folder: (await identifyFolder(pictures, { memory: null })).digest };
  const parts = stageKeyParts(stage, inputs, seed) as unknown as StageSpec["parts"];
  return {
    stage: "data",
    key: digestOf(parts),
    parts,
    store,
    run: "test",
    recipe: recipe as unknown as StageSpec["recipe"],
    seed,
    inputs: {},
    threads: 2,
    masking: null,
    preflight: false,
    folder: pictures ?? null,
    weights: null,
  };
}

/** The recipe for tests, with even fewer pictures. */
export function tiny(sets: readonly string[] = []): Recipe {
  const fewer = [
    "data.generated.train=48",
    "data.generated.labelled=16",
    "data.generated.validation=8",
    "data.generated.test=20",
  ];
  return loadRecipe("tiny", { sets: [...fewer, ...sets] }).recipe;
}
