import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Store } from "@peco/artifacts";
import { key, stream } from "@peco/random";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dataSpec, runDataStage, tiny } from "../test/run-data-stage.ts";

const recipe = tiny(["data.generated.train=600", "data.generated.test=300"]);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-data-faults-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the stage in a process of its own, and kills that after so many milliseconds unless it has ended. */
async function runAndKill(spec: string, afterMs: number): Promise<number | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "run", "--spec", spec], {
    stdio: "ignore",
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  const cancel = new AbortController();
  void sleep(afterMs, undefined, { signal: cancel.signal }).then(
    () => child.kill("SIGKILL"),
    () => undefined,
  );
  const [code] = await ended;
  cancel.abort();
  return code;
}

it("gives the same artifact, however often it was killed", async () => {
  const whole = await runDataStage(join(folder, "whole"), { recipe });
  const store = join(folder, "killed");
  await Store.open(store, { create: true });
  const spec = await dataSpec(store, { recipe });
  await writeFile(join(folder, "spec.json"), JSON.stringify({ ...spec, seed: String(spec.seed) }));
  const draws = stream(key(1));
  let code: number | null = null;
  for (let kills = 0; code === null && kills < 12; kills++) {
    code = await runAndKill(join(folder, "spec.json"), draws.integer(400, 1200 + 400 * kills));
  }
  const after = await runDataStage(store, { recipe });
  expect(after.artifact).toBe(whole.artifact);
  expect(await after.store.incomplete(after.artifact)).toBeNull();
  expect((await readdir(join(store, "manifests"))).length).toBe(1);
});
