import { ObjectMissing, type RunRecord, type RunStage, type Store } from "@peco/artifacts";
import { z } from "zod";
import type { CardInputs } from "./card.ts";

/** Keys of a recipe under which the path of a file of weights stands, by the stage that reads it. */
const weightsKeys: Readonly<Record<string, string>> = {
  "perceptual-network": "perceptualNetwork.weights",
  codebook: "codebook.weights",
  finetune: "finetune.weights",
  evaluate: "finetune.weights",
};

/**
 * What a run took from outside: the folder of pictures, files of weights, and artifacts of earlier runs, each by its hash.
 *
 * @throws ObjectMissing where the store has a stage's result no more
 */
export async function inputsOf(store: Store, run: RunRecord): Promise<CardInputs> {
  const results = await Promise.all(
    run.stages.map(async (stage) => ({ stage, inputs: await digestsOf(store, stage) })),
  );
  const found: CardInputs = { folder: null, weights: [], given: [] };
  const made = new Set(run.stages.map(({ artifact }) => artifact));
  for (const { stage, inputs } of results) {
    const { folder, weights, ...artifacts } = inputs;
    if (folder !== undefined) found.folder = folder;
    const key = weightsKeys[stage.name];
    // all seeds read the same file, and evaluation the one that fine-tuning began with
    if (weights !== undefined && key !== undefined && !found.weights.some((known) => known.key === key))
      found.weights.push(await weightsOf(store, run, stage, { key, digest: weights }));
    for (const [name, artifact] of Object.entries(artifacts))
      if (!made.has(artifact) && !found.given.some((known) => known.artifact === artifact))
        found.given.push({ name, artifact, kind: (await store.manifest(artifact)).kind });
  }
  return found;
}

const inputs = z.record(z.string(), z.string());

/** The digests of all that a stage depended on, by the names in its key. */
async function digestsOf(store: Store, { name, seed, key }: RunStage): Promise<Record<string, string>> {
  const found = await store.result(key ?? "");
  if (found.state === "hit") return inputs.parse(found.result.parts["inputs"]);
  throw new ObjectMissing(`the result of stage ${name}, seed ${seed}, is not in the store`, {
    path: store.backend.locate("results"),
    remedy: "Give the same `./peco run` again: it makes what is missing anew.",
  });
}

const origin = z.object({ origin: z.object({ preset: z.string(), licence: z.string() }) });

async function weightsOf(
  store: Store,
  run: RunRecord,
  stage: RunStage,
  { key, digest }: Pick<Weights, "key" | "digest">,
): Promise<Weights> {
  const path = key
    .split(".")
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], run.recipe.resolved);
  const said = origin.safeParse((await store.manifest(stage.artifact ?? "")).meta).data?.origin;
  const { preset = null, licence = "unknown" } = said ?? {};
  return { stage: stage.name, key, path: typeof path === "string" ? path : "", digest, preset, licence };
}
type Weights = CardInputs["weights"][number];
