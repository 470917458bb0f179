import type { StageResult, Store } from "@peco/artifacts";
import type { Stage } from "@peco/recipes";
import type { Experiment } from "./experiment.ts";
import { specOf } from "./stage-spec.ts";

/** A stage with what the store has of it: null where it is not finished, or where that cannot be known yet. */
export interface FoundStage {
  readonly stage: Stage;
  readonly result: StageResult | null;
}

/**
 * Looks up the results of one seed's stages without running anything; behind the first that is missing, keys are unknown and so what
 * follows from it is missing, too.
 */
export async function findStages(what: Experiment, store: Store | null, seed: bigint): Promise<FoundStage[]> {
  const artifacts = new Map(what.given);
  const found: FoundStage[] = [];
  for (const stage of what.stages) {
    const inputs = Object.entries(stage.inputs).map(([name, from]) => [name, artifacts.get(from)] as const);
    const known = store !== null && inputs.every(([, digest]) => digest !== undefined);
    const result = known ? await lookUp(what, store, stage, Object.fromEntries(inputs) as Digests, seed) : null;
    if (result !== null) artifacts.set(stage.name, result.artifact);
    found.push({ stage, result });
  }
  return found;
}

type Digests = Readonly<Record<string, string>>;

async function lookUp(
  { folder, data, loaded, weights, store: path }: Experiment,
  store: Store,
  stage: Stage,
  inputs: Digests,
  seed: bigint,
): Promise<StageResult | null> {
  const { key } = specOf(stage, inputs, {
    recipe: loaded.recipe,
    store: path,
    run: "dry-run",
    seed,
    folder: folder === null || data === null ? null : { path: data, digest: folder.digest },
    weights,
    preflight: false,
  });
  const found = await store.result(key);
  return found.state === "hit" ? found.result : null;
}
