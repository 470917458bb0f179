import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { tokenizer as contract } from "@peco/proto";
import { connect } from "@peco/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";

let store: string;
let inputs: Record<string, string>;
beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "peco-tokenizer-program-"));
  inputs = await untrainedStore(store, shortRecipe());
});
afterAll(() => rm(store, { recursive: true, force: true }));

/** Starts the program: its first line of output, and its exit code when it has ended. */
function start(...words: string[]) {
  const program = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const line = once(createInterface(program.stdout), "line").then(([text]) => JSON.parse(text as string));
  const ended = once(program, "exit").then(([code]) => code as number | null);
  return { program, line, ended };
}

describe("the tokenizer's program", () => {
  it("runs a stage to its end", async () => {
    const recipe = shortRecipe("perceptualNetwork.steps=2");
    const spec = specFor("perceptual-network", { store, recipe, inputs });
    const file = join(store, "spec.json");
    await writeFile(
      file,
      JSON.stringify(spec, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    );
    const { line, ended } = start("run", "--spec", file);
    expect(await line).toMatchObject({ metrics: { steps: 2 }, cached: false });
    expect(await ended).toBe(0);
  });

  it("serves tokens beside its stages", async () => {
    const { program, line, ended } = start("serve", "--store", store, "--artifact", inputs["tokenizer"] as string);
    const client = connect(contract.TokenizerServiceService, await line);
    expect(await client.describe({ artifact: "" })).toMatchObject({ artifact: inputs["tokenizer"], codebookSize: 16 });
    client.close();
    program.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("does not start with a tokenizer that is not there", async () => {
    const { line, ended } = start("serve", "--store", store, "--artifact", "f".repeat(64));
    expect(await line).toMatchObject({ failure: { name: "ObjectMissing", exitCode: 65 } });
    expect(await ended).toBe(65);
  });
});
