import { describe, expect, it } from "vitest";
import { RecipeError } from "./errors.ts";
import { loadRecipe } from "./load.ts";
import { stageGraph, stageNames, until } from "./stage-graph.ts";

const { recipe } = loadRecipe("small");
const generated = stageGraph(recipe, { labelled: true, source: "generated" });

describe("stageGraph", () => {
  it("has each stage after its inputs", () => {
    expect(generated.map(({ name }) => name)).toEqual(stageNames);
    for (const [i, { inputs }] of generated.entries()) {
      const before = generated.slice(0, i).map(({ name }) => name);
      for (const input of Object.values(inputs)) expect(before).toContain(input);
    }
  });

  it("fine-tunes nothing without classes", () => {
    const flat = stageGraph(recipe, { labelled: false, source: "folder" });
    expect(flat.map(({ name }) => name)).toEqual(["data", "perceptual-network", "codebook", "pretrain", "evaluate"]);
    expect(flat.at(-1)?.inputs).not.toHaveProperty("classifier");
  });

  it("draws nothing in a folder's data, which all seeds share", () => {
    const [data] = stageGraph(recipe, { labelled: true, source: "folder" });
    expect(data).toMatchObject({
      seeded: false,
      runtime: null,
      recipe: { data: { folder: { testShare: 0.2, labelledShare: 1, onCorrupt: "skip" } } },
    });
    expect(generated[0]).toMatchObject({ seeded: true, recipe: { data: { generated: recipe.data.generated } } });
  });

  it("gives every part of the recipe to a stage, except how often checkpoints are written", () => {
    const given = JSON.stringify(generated.map((stage) => [stage.recipe, stage.runtime]));
    const { preset: _, weights: _1, vit: _2, ...moco } = recipe.perceptualNetwork;
    const { weights: _3, ...codebook } = recipe.codebook;
    const { weights: _4, fromScratchSteps: _5, ...finetune } = recipe.finetune;
    for (const part of [moco, codebook, recipe.pretrain, finetune, recipe.evaluate, recipe.vit, recipe.image]) {
      expect(given).toContain(JSON.stringify(part));
    }
    expect(given).not.toContain("checkpointSeconds");
  });

  it("keeps the length of training from scratch out of fine-tuning's key", () => {
    const sets = ["finetune.fromScratchSteps=2400"];
    const stages = stageGraph(loadRecipe("small", { sets }).recipe, { labelled: true, source: "generated" });
    const own = (name: string) => stages.find((stage) => stage.name === name)?.recipe;
    expect(own("finetune")).toEqual(generated.find(({ name }) => name === "finetune")?.recipe);
    expect(own("finetune-from-scratch")).toMatchObject({ finetune: { steps: 2400 } });
  });

  it("makes an untrained perceptual network of its shape alone, without pictures", () => {
    const sets = ["perceptualNetwork.source=untrained"];
    const stages = stageGraph(loadRecipe("small", { sets }).recipe, { labelled: true, source: "generated" });
    const network = stages.find(({ name }) => name === "perceptual-network");
    expect(network).toMatchObject({ inputs: {}, seeded: true });
    expect(network?.recipe).toEqual({
      image: recipe.image,
      vit: recipe.vit,
      perceptualNetwork: { source: "untrained" },
    });
  });

  it("knows a stage's file of weights, but keeps its path out of the key's part of the recipe", () => {
    const network = ["source=weights", "preset=dino-vit-b16", "weights=a.safetensors"];
    const sets = [
      ...network.map((text) => `perceptualNetwork.${text}`),
      "codebook.source=dall-e",
      "codebook.weights=b.safetensors",
      "codebook.size=8192",
      "finetune.start=weights",
      "finetune.weights=c.safetensors",
    ];
    const of = (more: string[], name: string) =>
      stageGraph(loadRecipe("small", { sets: more }).recipe, { labelled: true, source: "folder" }).find(
        (stage) => stage.name === name,
      );
    const vgg = of(sets.slice(0, 3), "perceptual-network");
    expect(vgg).toMatchObject({ inputs: {}, seeded: false, weights: "a.safetensors" });
    expect(vgg?.recipe).toEqual({
      image: recipe.image,
      perceptualNetwork: { source: "weights", preset: "dino-vit-b16" },
    });
    const codebook = of(sets.slice(3, 6), "codebook");
    expect(codebook).toMatchObject({ inputs: { data: "data" }, weights: "b.safetensors" });
    expect(codebook?.recipe["codebook"]).not.toHaveProperty("weights");
    const finetune = of(sets.slice(6), "finetune");
    expect(finetune).toMatchObject({ inputs: { data: "data" }, weights: "c.safetensors" });
    expect(finetune?.recipe["finetune"]).not.toHaveProperty("weights");
    const evaluate = of(sets.slice(6), "evaluate");
    expect(evaluate).toMatchObject({ weights: "c.safetensors" });
    expect(evaluate?.recipe).toMatchObject({ vit: recipe.vit, finetune: { positionResize: "beit-cubic" } });
    expect(JSON.stringify(evaluate?.recipe)).not.toContain("c.safetensors");
    expect(of([], "evaluate")).toMatchObject({ weights: null });
    expect(Object.keys(of([], "evaluate")?.recipe ?? {})).toEqual(["image", "evaluate", "mask"]);
  });

  it("gives the perceptual network its own shape where it has one", () => {
    const own = { ...recipe.vit, depth: 5 };
    const sets = [`perceptualNetwork.vit=${JSON.stringify(own)}`];
    const stages = stageGraph(loadRecipe("small", { sets }).recipe, { labelled: true, source: "generated" });
    expect(stages.find(({ name }) => name === "perceptual-network")?.recipe["vit"]).toEqual(own);
    expect(stages.find(({ name }) => name === "pretrain")?.recipe["vit"]).toEqual(recipe.vit);
  });

  it("ends at a stage, and offers the nearest name for a mistyped one", () => {
    expect(until(generated, "codebook").map(({ name }) => name)).toEqual(["data", "perceptual-network", "codebook"]);
    expect(() => until(generated, "pre-train")).toThrow('there is no stage "pre-train", did you mean "pretrain"?');
    expect(() => until(generated, "x")).toThrow(RecipeError);
  });
});
