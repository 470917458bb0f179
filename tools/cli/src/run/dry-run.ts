import { statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import { Store } from "@peco/artifacts";
import type { Recipe, StageName } from "@peco/recipes";
import { locateLibrary } from "tfjs-libtensorflow/library";
import { z } from "zod";
import type { Answer } from "../output.ts";
import { clock } from "./display.ts";
import type { Experiment } from "./experiment.ts";
import { findStages } from "./find-stages.ts";

/** The document of `peco run --dry-run --json`. */
export const dryRunDocument = z.object({
  dryRun: z.literal(true),
  stages: z.array(
    z.object({ name: z.string(), seed: z.string(), state: z.enum(["there", "missing"]), estimatedSeconds: z.number() }),
  ),
  library: z.enum(["there", "missing"]),
  estimated: z.object({ seconds: z.number(), diskBytes: z.number(), memoryBytes: z.number() }),
  machine: z.object({ cores: z.int(), memoryBytes: z.number(), freeDiskBytes: z.number() }),
  remarks: z.array(z.string()),
});

/** Says what is there, what is missing, and what it will take; writes nothing. */
export async function dryRun(what: Experiment): Promise<Answer> {
  const store = await Store.open(what.store).catch((error: unknown) => {
    if ((error as { name?: string }).name === "StoreMissing") return null;
    throw error;
  });
  const stages = [];
  for (const seed of what.seeds) stages.push(...(await stagesOf(what, store, seed)));
  const seconds = stages.reduce((sum, stage) => sum + stage.estimatedSeconds, 0);
  const library = libraryState();
  const disk = await statfs(await existing(what.store));
  const document: z.infer<typeof dryRunDocument> = {
    dryRun: true,
    stages,
    library,
    estimated: { seconds, diskBytes: diskBytes(what), memoryBytes: memoryBytes(what.loaded.recipe) },
    machine: { cores: availableParallelism(), memoryBytes: totalmem(), freeDiskBytes: disk.bavail * disk.bsize },
    remarks: [...what.remarks],
  };
  return { document, text: textOf(document, what.store) };
}

/** What is there of a seed's stages, and how long the others take. */
async function stagesOf(what: Experiment, store: Store | null, seed: bigint) {
  const found = await findStages(what, store, seed);
  return found.map(({ stage: { name }, result }) => ({
    name,
    seed: String(seed),
    state: result === null ? ("missing" as const) : ("there" as const),
    estimatedSeconds: result === null ? estimate(what, name) : 0,
  }));
}

/** Seconds for 1000 pictures at 32 px through width 64 and depth 3 on the two cores where the small recipe was measured (docs/results.md). */
const secondsPerThousand: Readonly<Record<Exclude<StageName, "data" | "evaluate">, number>> = {
  "perceptual-network": 0.75,
  codebook: 0.83,
  pretrain: 0.49,
  finetune: 0.51,
  "finetune-from-scratch": 0.51,
};

/** Seconds that a stage of an experiment takes. */
export function estimate({ loaded: { recipe }, folder }: Experiment, stage: StageName): number {
  const { perceptualNetwork, codebook, pretrain, finetune, data } = recipe;
  const pictures =
    folder === null ? data.generated.train + data.generated.validation + data.generated.test : folder.files.length;
  const networks = finetune.lrs.length * finetune.repeats;
  const images = {
    "perceptual-network": perceptualNetwork.source === "moco" ? perceptualNetwork.steps * perceptualNetwork.batch : 0,
    // clusters of features are found in one pass, and without features a step is a third cheaper
    codebook:
      codebook.source === "vq" ? codebook.steps * codebook.batch * (codebook.loss.perceptual > 0 ? 1 : 0.65) : 0,
    pretrain: pretrain.steps * pretrain.batch,
    finetune: finetune.steps * finetune.batch * networks,
    "finetune-from-scratch": (finetune.fromScratchSteps ?? finetune.steps) * finetune.batch * networks,
  };
  if (stage === "data") return folder === null ? pictures / 2000 : pictures / 50;
  const scale = work(recipe) / work(reference);
  if (stage === "evaluate") return 10 + (pictures / 1000) * scale;
  return 3 + (images[stage] / 1000) * secondsPerThousand[stage] * scale;
}

type Shape = { image: { size: number; patch: number }; vit: { width: number; depth: number; mlpRatio: number } };
const reference: Shape = { image: { size: 32, patch: 8 }, vit: { width: 64, depth: 3, mlpRatio: 4 } };

/** Multiply-adds of a picture through the transformer, which the other costs roughly follow. */
function work({ image, vit }: Shape): number {
  const tokens = (image.size / image.patch) ** 2 + 1;
  return vit.depth * tokens * ((4 + 2 * vit.mlpRatio) * vit.width ** 2 + 2 * tokens * vit.width);
}

function diskBytes({ loaded: { recipe }, folder, seeds }: Experiment): number {
  const { generated, form } = recipe.data;
  const drawn = generated.train + generated.validation + generated.test;
  const pixels = recipe.image.size ** 2 * 3;
  // packed pictures, of a generated set its own files, too, and weights with checkpoints of all stages
  const pictures =
    folder === null ? 2 * drawn * pixels : form === "encoded" ? folder.bytes : folder.files.length * pixels;
  // A folder is packed once for all seeds.
  const packs = folder === null ? seeds.length : 1;
  return pictures * packs + (40 * parameters(recipe) + 20e6) * seeds.length;
}

function memoryBytes(recipe: Recipe): number {
  // a TensorFlow process, the command line, the masking service; then state and activations
  const activations = recipe.pretrain.batch * work(recipe) * 0.2;
  return Math.round(1.5e9 + 16 * parameters(recipe) + activations);
}

function parameters({ vit }: Shape): number {
  return vit.depth * (4 + 2 * vit.mlpRatio) * vit.width ** 2 + 1e5;
}

function libraryState(): "there" | "missing" {
  try {
    locateLibrary();
    return "there";
  } catch {
    return "missing";
  }
}

/** The folder itself, or the nearest one above it that exists. */
async function existing(folder: string): Promise<string> {
  try {
    await statfs(folder);
    return folder;
  } catch {
    return dirname(folder) === folder ? folder : existing(dirname(folder));
  }
}

function textOf(
  { stages, library, estimated, machine, remarks }: z.infer<typeof dryRunDocument>,
  store: string,
): string {
  const several = new Set(stages.map(({ seed }) => seed)).size > 1;
  const rows = stages.map(
    ({ name, seed, state, estimatedSeconds }) =>
      `  ${name.padEnd(22)}${several ? `seed ${seed}  ` : ""}${state === "there" ? "finished" : `to run, about ${clock(estimatedSeconds)}`}`,
  );
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return [
    `store ${store}`,
    ...rows,
    ...(library === "there" ? [] : ["  TensorFlow's library   to be fetched, about 270 MB, 0.9 GB on disk"]),
    `in all about ${clock(estimated.seconds)}, ${gib(estimated.diskBytes)} of disk (${gib(machine.freeDiskBytes)} free), ${gib(estimated.memoryBytes)} of memory (${gib(machine.memoryBytes)} there)`,
    ...remarks,
  ].join("\n");
}
