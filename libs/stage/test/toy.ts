import { digestOf, Store } from "@peco/artifacts";
import { loadRecipe } from "@peco/recipes";
import type { StageSpec } from "../src/index.ts";

/** A specification of a toy stage: `own` is the recipe subtree of its key. */
export function toySpec(store: string, own: Record<string, string | number>, more: Partial<StageSpec> = {}): StageSpec {
  const parts = { stage: "toy", version: 1, recipe: own, inputs: {}, seed: "0", runtime: null };
  return {
    stage: "toy",
    key: digestOf(parts),
    parts,
    store,
    run: "20260102-030405-abcd",
    recipe: loadRecipe("small").recipe as unknown as StageSpec["recipe"],
    seed: 0n,
    inputs: {},
    threads: 1,
    masking: null,
    preflight: false,
    folder: null,
    ...more,
  };
}

/** Makes an empty store. */
export async function newStore(folder: string): Promise<Store> {
  return Store.open(folder, { create: true });
}
