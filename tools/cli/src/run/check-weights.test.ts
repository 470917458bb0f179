import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRecipe, type StageName, stageGraph } from "@peco/recipes";
import { encodeSafetensors, type HostArray } from "tfjs-libtensorflow";
import { afterAll, describe, expect, it } from "vitest";
import { checkWeights } from "./check-weights.ts";
import { specOf } from "./stage-spec.ts";
import { identifyWeights } from "./weights-file.ts";

const folder = mkdtempSync(join(tmpdir(), "peco-weights-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tensor: HostArray = { dtype: "float32", shape: [64, 3, 3, 3], data: new Float32Array(64 * 27) };
const file = join(folder, "weights.safetensors");
writeFileSync(file, encodeSafetensors({ "features.0.weight": tensor }));
const text = join(folder, "text.safetensors");
writeFileSync(text, "no tensors at all");

const network = (path: string, preset = "dino-vit-b16") =>
  ["source=weights", `preset=${preset}`, `weights=${path}`].map((set) => `perceptualNetwork.${set}`);

function load(sets: string[]) {
  const { recipe } = loadRecipe("tiny", { sets });
  return { recipe, stages: stageGraph(recipe, { labelled: true, source: "folder" }) };
}

/** Finds and checks the weights of the recipe `tiny` with changes. */
async function check(sets: string[]): Promise<void> {
  const { recipe, stages } = load(sets);
  await checkWeights(await identifyWeights(stages), recipe);
}

describe("the weights that a recipe names", () => {
  it("are none, and then nothing is read", () => expect(check([])).resolves.toBeUndefined());

  it.each([
    [network(join(folder, "none")), /perceptual-network reads: .*none is not there/],
    [network(folder), /is no file/],
    [network(text), /text\.safetensors: the header is said to have/],
    [["finetune.start=weights", `finetune.weights=${file}`], /finetune reads, .*of no known vision transformer/],
    [network(file), /missing: patch_embed\.proj\.weight/],
    [[...network(file, "vgg16"), "codebook.loss.norm=none"], /missing: features\.0\.bias/],
    [
      ["codebook.source=dall-e", "codebook.size=8192", `codebook.weights=${file}`],
      /codebook reads, .*missing: blocks\.group_4\.block_2\.res_path\.conv_4\.b/s,
    ],
  ])("are refused: %j", async (sets, said) => {
    const refused = check(sets);
    await expect(refused).rejects.toThrow(said);
    await expect(refused).rejects.toMatchObject({
      exitCode: 65,
      path: expect.any(String),
      remedy: expect.stringContaining("docs/weights.md"),
    });
  });

  it("enter the stage's key by what they hold, not by where they lie", async () => {
    const keyOf = async (path: string) => {
      const { recipe, stages } = load(network(path));
      const stage = stages.find(({ name }) => name === ("perceptual-network" satisfies StageName));
      if (stage === undefined) throw new Error("there is no such stage");
      const weights = await identifyWeights(stages);
      const spec = specOf(
        stage,
        {},
        { recipe, store: "s", run: "r", seed: 1n, folder: null, weights, preflight: false },
      );
      return [spec.key, spec.weights] as const;
    };
    const elsewhere = join(folder, "moved.safetensors");
    writeFileSync(elsewhere, encodeSafetensors({ "features.0.weight": tensor }));
    const [[key, path], [moved, movedPath], [other]] = [await keyOf(file), await keyOf(elsewhere), await keyOf(text)];
    expect([path, movedPath]).toEqual([file, elsewhere]);
    expect(moved).toBe(key);
    expect(other).not.toBe(key);
  });
});
