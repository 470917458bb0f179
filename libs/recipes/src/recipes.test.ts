import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recipeFile, recipeNames } from "./layers.ts";
import { loadRecipe } from "./load.ts";

describe("the recipes that come with peco", () => {
  it.each(recipeNames())("%s can be used and says how, and what to expect", (name) => {
    const { file, name: shown } = loadRecipe(name);
    expect(shown).toBe(name);
    const head = readFileSync(file, "utf8").split("\nextends")[0];
    expect(head).toContain(`# ${name}: `);
    expect(head).toMatch(new RegExp(`--recipe ${name}\\b|\\./peco run\\n|\\./peco study `));
    if (name.includes("/")) expect(head).toContain("# Expected: ");
  });

  it("count steps in whole epochs of ImageNet's 1,281,167 training pictures", () => {
    const steps = (name: string) => loadRecipe(name).recipe;
    const epoch = (batch: number) => Math.floor(1_281_167 / batch);
    for (const [name, epochs] of [
      ["imagenet/peco-vit-b16-300ep", 300],
      ["imagenet/peco-vit-b16-800ep", 800],
    ] as const) {
      const { pretrain, finetune } = steps(name);
      expect(pretrain.steps).toBe(epochs * epoch(pretrain.batch));
      expect(finetune.steps).toBe(100 * epoch(finetune.batch));
      expect(pretrain.optimizer.warmup * pretrain.steps).toBeCloseTo(10 * epoch(pretrain.batch), 6);
    }
    const { perceptualNetwork } = steps("imagenet/mocov3-vit-b16-300ep");
    expect(perceptualNetwork.steps).toBe(300 * epoch(perceptualNetwork.batch));
  });

  it("is asked for by a file's path, too", () => {
    expect(loadRecipe(recipeFile("imagenet/peco-vit-l16")).name).toBe("imagenet/peco-vit-l16");
  });
});
