import { expect, it } from "vitest";
import { experiment } from "./experiment.ts";

it("says which changes of the command line meet a stage that the recipe leaves out", async () => {
  const remarks = async (...set: string[]) => (await experiment({ recipe: "small", set })).remarks.join("\n");
  const pixels = await remarks("pretrain.target=pixels", "codebook.size=64", "pretrain.mask.count=5");
  expect(pixels).toContain("--set codebook.size=64 changes nothing: the recipe leaves out the stage codebook");
  expect(pixels).not.toContain("pretrain.");
  expect(await remarks("codebook.size=64", "pretrain.steps=10")).not.toContain("changes nothing");
});
