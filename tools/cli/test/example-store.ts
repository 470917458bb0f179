import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, type NewRun, type RunStage, Store, thisProcess } from "@peco/artifacts";
import { loadRecipe } from "@peco/recipes";
import { onTestFinished } from "vitest";

/** A folder of its own for a test, gone afterwards. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "peco-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store with two runs that share their pictures: one done, one failed. */
export async function exampleStore() {
  const folder = join(temporaryFolder(), "store");
  const store = await Store.open(folder, { create: true });
  const data = await finish(store, "data", "pictures", {}, 1);
  const model = await finish(store, "codebook", "weights of the first", { data: data.artifact }, 1);
  const other = await finish(store, "codebook", "weights of the second", { data: data.artifact }, 2);
  const done = await store.runs.create(
    await run(
      "small",
      [stage("data", data, {}), stage("codebook", model, { usage: 1, loss: { pixel: 0.25 } }), evaluated(0.4, 0.2)],
      {},
    ),
  );
  const failed = await store.runs.create(
    await run("tiny", [stage("data", data, {}), stage("codebook", other, { usage: 0.5 })], {
      state: "failed",
      seconds: 12,
      failure: {
        message: "a loss was not finite",
        exitCode: 66,
        stage: "codebook",
        path: null,
        remedy: "Lower the learning rate.",
      },
    }),
  );
  return { store, folder, data, model, other, done: done.id, failed: failed.id };
}

interface Finished {
  readonly key: string;
  readonly artifact: string;
}

/** A stage that has run: its result, artifact and one blob. */
export async function finish(
  store: Store,
  name: string,
  content: string,
  inputs: Record<string, string>,
  seed: number,
): Promise<Finished> {
  const blob = await store.putBlob(new TextEncoder().encode(content));
  const artifact = await store.publish({
    kind: name === "data" ? "data" : "tokenizer",
    blobs: { "weights.safetensors": blob },
    inputs,
    meta: { steps: 10 },
  });
  const parts = { stage: name, seed, inputs };
  const key = digestOf(parts);
  await store.finish(key, { stage: name, parts, artifact, metrics: {}, record: { seconds: 3.25 } });
  return { key, artifact };
}

function stage(name: string, { key, artifact }: Finished, metrics: RunStage["metrics"]): RunStage {
  return { name, seed: "1", state: "ran", key, artifact, seconds: 65, metrics };
}

function evaluated(pretrained: number, fromScratch: number): RunStage {
  return {
    name: "evaluate",
    seed: "1",
    state: "ran",
    key: null,
    artifact: null,
    seconds: 5,
    metrics: { top1Pretrained: pretrained, top1FromScratch: fromScratch },
  };
}

async function run(recipe: string, stages: RunStage[], change: Partial<NewRun>): Promise<NewRun> {
  return {
    state: "done",
    process: await thisProcess(),
    ended: new Date().toISOString(),
    seconds: 400,
    recipe: { name: recipe, resolved: JSON.parse(JSON.stringify(loadRecipe(recipe).recipe)) },
    data: null,
    seeds: ["1"],
    stages,
    failure: null,
    machine: {},
    software: {},
    notes: [],
    ...change,
  };
}
