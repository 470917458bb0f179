import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type IdentifiedFolder, identifyFolder } from "@peco/data";
import {
  type LoadedRecipe,
  loadRecipe,
  type Recipe,
  type Stage,
  type StageName,
  stageGraph,
  until,
} from "@peco/recipes";
import { storeFolder } from "../checkout.ts";
import { UsageError } from "../usage-error.ts";
import { checkWeights } from "./check-weights.ts";
import { identifyWeights, type WeightsFiles } from "./weights-file.ts";

/** The words of `peco run`. */
export interface RunOptions {
  data?: string;
  store?: string;
  recipe: string;
  set?: string[];
  seed?: bigint;
  seeds?: bigint[];
  until?: string;
  threads?: number;
  dryRun?: boolean;
  json?: boolean;
}

/** What a run is to do, everything checked that can be checked before anything is written. */
export interface Experiment {
  readonly store: string;
  readonly loaded: LoadedRecipe;
  readonly seeds: readonly bigint[];
  /** The user's folder, scanned and hashed; null for the generated set. */
  readonly folder: IdentifiedFolder | null;
  /** Absolute path of the folder. */
  readonly data: string | null;
  readonly stages: readonly Stage[];
  /** The last stage, where not all are wanted. @default all */
  readonly until?: string;
  /** What it is a part of, for the reader of its record, such as one arm of a study. @default a run of its own */
  readonly partOf?: string;
  /** Artifacts by the stage that made them, for stages that are not carried out again. @default none */
  readonly given?: ReadonlyMap<string, string>;
  /** The files of somebody else's weights that stages read, hashed. */
  readonly weights: WeightsFiles;
  /** The same stages with another recipe. */
  stagesOf(recipe: Recipe): readonly Stage[];
  /** Sentences for the user: what follows from the choices and may surprise. */
  readonly remarks: readonly string[];
}

/**
 * Checks the words of `peco run`: recipe, seeds, stage to stop at, files of weights, and the folder of pictures.
 *
 * @throws UsageError RecipeError WeightsFileUnusable WeightsUnfit, and what `identifyFolder` throws
 */
export async function experiment(
  options: RunOptions,
  onProgress?: (done: number, of: number) => void,
): Promise<Experiment> {
  if (options.seed !== undefined && options.seeds !== undefined)
    throw new UsageError("--seed and --seeds exclude each other");
  // The number of threads changes the last bits, so it is part of the recipe and never taken from the machine.
  const sets = [
    ...(options.set ?? []),
    ...(options.threads === undefined ? [] : [`runtime.threads=${options.threads}`]),
  ];
  const source = options.data === undefined ? "generated" : "folder";
  const loaded = loadRecipe(options.recipe, { sets, source });
  const data = options.data === undefined ? null : resolve(options.data);
  const { labelsFile } = loaded.recipe.data.folder;
  const folder =
    data === null ? null : await identifyFolder(data, { labelsFile, ...(onProgress !== undefined && { onProgress }) });
  const labelled = folder === null || folder.classes.length > 0;
  const stagesOf = (recipe: Recipe) => {
    const all = stageGraph(recipe, { labelled, source });
    return options.until === undefined ? all : until(all, options.until);
  };
  const stages = stagesOf(loaded.recipe);
  const weights = await identifyWeights(stages);
  await checkWeights(weights, loaded.recipe);
  return {
    store: storeFolder(options.store),
    loaded,
    seeds: options.seeds ?? [options.seed ?? 1n],
    folder,
    data,
    stages,
    ...(options.until === undefined ? {} : { until: options.until }),
    weights,
    stagesOf,
    remarks: [
      ...remarks(loaded, folder),
      ...withoutEffect(loaded.sets, stageGraph(loaded.recipe, { labelled, source })),
    ],
  };
}

function remarks({ recipe, name }: LoadedRecipe, folder: IdentifiedFolder | null): string[] {
  const cores = availableParallelism();
  return [
    ...(name === "tiny"
      ? [
          "The recipe tiny tries the machinery: it trains for seconds, so its figures and pictures say nothing about the method.",
        ]
      : []),
    ...(folder === null || recipe.image.size > 32
      ? []
      : [
          `With the recipe ${name} your pictures become ${recipe.image.size} pixels a side; --recipe laptop takes 64 and a lot more time.`,
        ]),
    ...(folder !== null && folder.classes.length === 0
      ? ["The folder has no class folders: fine-tuning and top-1 are left out."]
      : []),
    ...(recipe.runtime.threads > cores
      ? [
          `The recipe takes ${recipe.runtime.threads} threads and this machine has ${cores} cores: it will be slow. --threads ${cores} changes that, and the last bits of the result.`,
        ]
      : []),
  ];
}

const stageOfPart: Readonly<Record<string, StageName>> = {
  perceptualNetwork: "perceptual-network",
  codebook: "codebook",
  pretrain: "pretrain",
};

/** Changes of the command line to stages that the recipe leaves out; masks are the evaluation's as well. */
function withoutEffect(sets: readonly string[], stages: readonly Stage[]): string[] {
  return sets.flatMap((set) => {
    const stage = stageOfPart[set.split(".")[0] ?? ""];
    if (stage === undefined || set.startsWith("pretrain.mask") || stages.some(({ name }) => name === stage)) return [];
    return [`--set ${set} changes nothing: the recipe leaves out the stage ${stage}, whose result no other takes.`];
  });
}
