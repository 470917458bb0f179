import { thisProcess } from "../src/process-identity.ts";
import type { NewRun } from "../src/runs.ts";

/** A run that has just begun. */
export async function newRun(change: Partial<NewRun> = {}): Promise<NewRun> {
  return {
    state: "running",
    process: await thisProcess(),
    ended: null,
    seconds: null,
    recipe: { name: "tiny", resolved: {} },
    data: null,
    seeds: ["1"],
    stages: [],
    failure: null,
    machine: {},
    software: {},
    notes: [],
    ...change,
  };
}
