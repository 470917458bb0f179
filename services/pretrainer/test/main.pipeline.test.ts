import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { StageSpec } from "@peco/stage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { pretrainStage } from "../src/index.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let store: string;
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-pretrainer-"));
});
afterEach(() => rm(store, { recursive: true, force: true }));

/** Starts `pretrainer run --spec FILE`. */
async function start(spec: StageSpec): Promise<ChildProcess> {
  const file = join(store, "spec.json");
  await writeFile(
    file,
    JSON.stringify(spec, (_, value) => (typeof value === "bigint" ? String(value) : value)),
  );
  return spawn(process.execPath, [main, "run", "--spec", file], { stdio: ["ignore", "pipe", "pipe"] });
}

/** Its exit code and what it printed. */
async function end(child: ChildProcess): Promise<{ code: number; output: string }> {
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  return { code, output };
}

describe("the pretrainer as a program that runs one stage", () => {
  it("ends with a checkpoint when it is told to, and the next one goes on to the same artifact", async () => {
    const recipe = shortRecipe("pretrain.steps=400");
    const spec = specFor("pretrain", { store, recipe, inputs: await untrainedStore(store, recipe) });
    const first = await start(spec);
    const ended = end(first);
    // The first checkpoint comes after the first step: from then on there is something to go on from.
    for await (const line of createInterface({ input: first.stderr as NodeJS.ReadableStream })) {
      if (line.includes('"checkpoint"')) break;
    }
    first.stderr?.resume();
    const told = performance.now();
    first.kill("SIGTERM");
    expect((await ended).code).toBe(130);
    expect(performance.now() - told).toBeLessThan(20_000);

    const second = await start(spec);
    second.stderr?.resume();
    const { code, output } = await end(second);
    expect(code).toBe(0);
    const { artifact } = JSON.parse(output.trim().split("\n").at(-1) ?? "");

    await rm(store, { recursive: true, force: true });
    await untrainedStore(store, recipe);
    expect((await runHere(pretrainStage, spec)).artifact).toBe(artifact);
  });
});
