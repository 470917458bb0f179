import { describe, expect, it } from "vitest";
import { loadRecipe } from "./load.ts";
import { type Stage, type StageName, stageGraph } from "./stage-graph.ts";
import { describeDifference, differences, nearestKey, stageKeyParts } from "./stage-key.ts";

const digest = "0123456789abcdef".repeat(4);
const other = "fedcba9876543210".repeat(4);

function parts(name: StageName, change: { sets?: string[]; seed?: bigint; input?: string } = {}) {
  const { recipe } = loadRecipe("small", { sets: change.sets ?? [] });
  const stage = stageGraph(recipe, { labelled: true, source: "generated" }).find((each) => each.name === name) as Stage;
  const inputs = Object.fromEntries(Object.keys(stage.inputs).map((input) => [input, change.input ?? digest]));
  return stageKeyParts(stage, inputs, change.seed ?? 1n);
}

const changed = (name: StageName, change: Parameters<typeof parts>[1]) =>
  differences(parts(name), parts(name, change)).map(describeDifference);

describe("the key of a stage", () => {
  it("depends on its own part of the recipe and on what it shares, with numbers as written", () => {
    expect(changed("pretrain", { sets: ["pretrain.steps=10"] })).toEqual(["recipe.pretrain.steps 2400 -> 10"]);
    expect(changed("pretrain", { sets: ["pretrain.optimizer.betas.1=0.95"] })).toEqual([
      "recipe.pretrain.optimizer.betas.1 0.98 -> 0.95",
    ]);
    expect(changed("pretrain", { sets: ["vit.dropPath=0.1"] })).toEqual(["recipe.vit.dropPath 0 -> 0.1"]);
    expect(changed("pretrain", { sets: ["pretrain.optimizer.clip=null"] })).toEqual([
      "recipe.pretrain.optimizer.clip 3 -> null",
    ]);
    expect(changed("pretrain", { sets: ["finetune.steps=10"] })).toEqual([]);
    expect(changed("data", { sets: ["vit.dropPath=0.1", "data.folder.testShare=0.5"] })).toEqual([]);
  });

  it("of packed files holds no size, which pixels and drawn pictures have", () => {
    const recipeOf = (source: "generated" | "folder", form: string) => {
      const { recipe } = loadRecipe("small", { sets: [`data.form=${form}`], source });
      return stageGraph(recipe, { labelled: true, source })[0]?.recipe;
    };
    expect(recipeOf("folder", "encoded")).not.toHaveProperty("image");
    expect(recipeOf("folder", "decoded")).toHaveProperty("image.size", 32);
    expect(recipeOf("generated", "encoded")).toHaveProperty("image.size", 32);
  });

  it("depends on compiler, precision and threads of a trainer, and never on the time between checkpoints", () => {
    expect(changed("codebook", { sets: ["runtime.threads=1"] })).toEqual(["runtime.threads 2 -> 1"]);
    expect(changed("codebook", { sets: ["runtime.compiler=xla", "runtime.precision=bfloat16"] })).toHaveLength(2);
    expect(changed("codebook", { sets: ["runtime.checkpointSeconds=1"] })).toEqual([]);
    expect(changed("data", { sets: ["runtime.threads=1"] })).toEqual([]);
  });

  it("depends on inputs and seed", () => {
    expect(changed("codebook", { input: other })).toEqual([
      `inputs.data 0123456789ab -> fedcba987654`,
      `inputs.perceptualNetwork 0123456789ab -> fedcba987654`,
    ]);
    expect(changed("codebook", { seed: 2n ** 64n - 1n })).toEqual(["seed 1 -> 18446744073709551615"]);
  });

  it("needs the digest of a file of weights", () => {
    const [stage] = stageGraph(loadRecipe("small").recipe, { labelled: true, source: "generated" });
    const reads = { ...(stage as Stage), weights: "a.safetensors" };
    expect(() => stageKeyParts(reads, {}, 1n)).toThrow("no digest for weights of data");
    expect(stageKeyParts(reads, { weights: digest }, 1n).inputs).toEqual({ weights: digest });
  });

  it("needs every input", () => {
    const [, , codebook] = stageGraph(loadRecipe("small").recipe, { labelled: true, source: "generated" });
    expect(() => stageKeyParts(codebook as Stage, { data: digest }, 1n)).toThrow(
      "no digest for perceptualNetwork of codebook",
    );
  });

  it("that is not there is explained by the one that differs least", () => {
    const finished = [
      { parts: parts("pretrain", { sets: ["pretrain.steps=10", "pretrain.batch=8"] }), name: "far" },
      { parts: parts("pretrain", { sets: ["pretrain.steps=10"] }), name: "near" },
    ];
    const found = nearestKey(parts("pretrain"), finished);
    expect(found?.nearest.name).toBe("near");
    expect(found?.differences.map(describeDifference)).toEqual(["recipe.pretrain.steps 10 -> 2400"]);
    expect(nearestKey(parts("pretrain"), [])).toBe(null);
    const rehearsal = { parts: { ...parts("pretrain", { sets: ["pretrain.steps=2399"] }), preflight: true } };
    expect(nearestKey(parts("pretrain"), [rehearsal])).toBe(null);
  });

  it("says what was added and what was left out", () => {
    const before = { ...parts("evaluate"), inputs: { data: digest } };
    const after = { ...parts("evaluate"), inputs: { tokenizer: digest } };
    expect(differences(before, after).map(describeDifference)).toEqual([
      "inputs.data 0123456789ab -> none",
      "inputs.tokenizer none -> 0123456789ab",
    ]);
    expect(differences({ ...before, inputs: {} }, before).map(describeDifference)).toEqual([
      "inputs.data none -> 0123456789ab",
    ]);
    const jitter = (value: null | { p: number }) => ({ ...before, recipe: { jitter: value } });
    expect(differences(jitter(null), jitter({ p: 1 })).map(describeDifference)).toEqual([
      'recipe.jitter null -> {"p":1}',
    ]);
  });
});
