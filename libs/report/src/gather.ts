import {
  type Artifact,
  CorruptObject,
  ObjectMissing,
  type RunRecord,
  type RunStage,
  type Store,
} from "@peco/artifacts";
import { z } from "zod";
import { type DataSummary, readDataSummary } from "./data-summary.ts";
import { type Evaluation, evaluation, evaluationBlob } from "./evaluation.ts";

/** Loss and other figures over the steps of one trained network. */
export interface NetworkHistory {
  stage: string;
  /** Names the network within its stage; empty where there is one. */
  part: string;
  rows: readonly ({ step: number } & Record<string, number>)[];
}

/** What one seed of a run left in the store. */
export interface SeedData {
  seed: string;
  stages: readonly RunStage[];
  evaluation: Evaluation | null;
  /** PNG files by their name in the evaluation. */
  pictures: ReadonlyMap<string, Uint8Array>;
  histories: readonly NetworkHistory[];
  data: DataSummary | null;
}

/** All that a page shows. */
export interface RunData {
  run: RunRecord;
  seeds: readonly SeedData[];
  /** Every artifact of the run and what it was made from, each once, what is used first. */
  artifacts: readonly Artifact[];
  /** What could not be read, in words. */
  problems: readonly string[];
}

const historyRow = z.object({ step: z.number() }).catchall(z.number());
/** `history.json` of a trainer: rows, or rows by network where a stage trains several. */
const historyFile = z.union([z.array(historyRow), z.record(z.string(), z.array(historyRow))]);

/** Reads a run and what its stages made. What is missing or damaged becomes a `problem`, so that the rest is still shown. */
export async function gather(store: Store, id: string): Promise<RunData> {
  const run = await store.runs.read(id);
  const problems: string[] = [];
  const attempt = async <T>(what: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ObjectMissing || error instanceof CorruptObject || error instanceof z.ZodError))
        throw error;
      problems.push(
        `${what} could not be read: ${error instanceof z.ZodError ? z.prettifyError(error) : error.message}`,
      );
      return null;
    }
  };

  const artifacts = new Map<string, Artifact>();
  for (const { name, artifact } of run.stages) {
    if (artifact === null) continue;
    for (const found of (await attempt(`The lineage of ${name}`, () => store.lineage(artifact))) ?? [])
      artifacts.set(found.digest, found);
  }
  const seeds = [];
  for (const seed of run.seeds) {
    seeds.push(await gatherSeed(store, run, seed, attempt));
  }
  return { run, seeds, artifacts: [...artifacts.values()], problems };
}

type Attempt = <T>(what: string, read: () => Promise<T>) => Promise<T | null>;

async function gatherSeed(store: Store, run: RunRecord, seed: string, attempt: Attempt): Promise<SeedData> {
  const stages = run.stages.filter((stage) => stage.seed === seed);
  const result: SeedData & { pictures: Map<string, Uint8Array>; histories: NetworkHistory[] } = {
    seed,
    stages,
    evaluation: null,
    pictures: new Map(),
    histories: [],
    data: null,
  };
  for (const { name, artifact } of stages) {
    if (artifact === null) continue;
    const manifest = await attempt(`The manifest of ${name}`, () => store.manifest(artifact));
    if (manifest === null) continue;
    if (manifest.blobs["history.json"] !== undefined) {
      const file = await attempt(`The history of ${name}`, async () =>
        historyFile.parse(await readJson(store, artifact, "history.json")),
      );
      result.histories.push(...histories(name, file ?? []));
    }
    if (name === "data")
      result.data = await attempt("The summary of the pictures", () => readDataSummary(store, artifact, run));
    if (name === "evaluate") {
      result.evaluation = await attempt("The evaluation", async () =>
        evaluation.parse(await readJson(store, artifact, evaluationBlob)),
      );
      for (const blob of Object.keys(manifest.blobs).filter((blobName) => blobName.endsWith(".png"))) {
        const bytes = await attempt(`The picture ${blob}`, () => store.artifactBlob(artifact, blob));
        if (bytes !== null) result.pictures.set(blob, bytes);
      }
    }
  }
  return result;
}

function histories(stage: string, file: z.infer<typeof historyFile>): NetworkHistory[] {
  if (Array.isArray(file)) return file.length === 0 ? [] : [{ stage, part: "", rows: file }];
  return Object.entries(file).map(([part, rows]) => ({ stage, part, rows }));
}

async function readJson(store: Store, artifact: string, blob: string): Promise<unknown> {
  const text = new TextDecoder().decode(await store.artifactBlob(artifact, blob));
  try {
    return JSON.parse(text);
  } catch {
    return null; // the schema says what was expected instead
  }
}
