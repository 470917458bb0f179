import { digestOf, Store } from "@peco/artifacts";
import { loadRecipe } from "@peco/recipes";
import type { SpawnOptions, StageSpec } from "../src/index.ts";

/** A specification of a toy stage: `own` is the recipe subtree of its key, which says how the toy behaves. */
export function toySpec(store: string, own: Record<string, string | number>, more: Partial<StageSpec> = {}): StageSpec {
  const stage = more.stage ?? "toy";
  const parts = { stage, version: 1, recipe: own, inputs: {}, seed: "0", runtime: null };
  return {
    stage,
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
    weights: null,
    ...more,
  };
}

/** Makes an empty store. */
export async function newStore(folder: string): Promise<Store> {
  return Store.open(folder, { create: true });
}

/** How the toy service is started, with its log kept. */
export function toyService(): SpawnOptions & { log: string[] } {
  const log: string[] = [];
  return { name: "toy", main: new URL("./toy-service.ts", import.meta.url), onLog: (line) => log.push(line), log };
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
