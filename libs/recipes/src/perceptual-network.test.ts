import { describe, expect, it } from "vitest";
import { loadRecipe } from "./load.ts";

const weights = ["perceptualNetwork.source=weights", "perceptualNetwork.weights=x.safetensors"];
const fineTunedAt40 = ["finetune.start=perceptual-network", "finetune.pictureSize=40", "data.form=encoded"];
const shape =
  '{"width":64,"depth":3,"heads":4,"mlpRatio":4,"positions":"sincos","init":"xavier","layerScale":0,"keyBias":true,"dropPath":0}';

describe("the perceptual network of a recipe", () => {
  it.each([
    [["perceptualNetwork.preset=vgg16"], "perceptualNetwork.preset: perceptualNetwork.source is moco"],
    [["perceptualNetwork.weights=x"], "perceptualNetwork.weights: perceptualNetwork.source is moco"],
    [weights, "perceptualNetwork.preset: perceptualNetwork.source is weights, which needs a preset"],
    [["perceptualNetwork.source=weights", "perceptualNetwork.preset=vgg16"], "which needs a file"],
    [
      [...weights, "perceptualNetwork.preset=dino-vit-b16", `perceptualNetwork.vit=${shape}`],
      "perceptualNetwork.vit: the preset says the shape",
    ],
    [[...weights, "perceptualNetwork.preset=vgg16"], "codebook.loss.norm: VGG-16's features are normalised"],
    [
      [...weights, "perceptualNetwork.preset=vgg16", "codebook.loss.norm=none", "codebook.loss.layers=[6]"],
      "codebook.loss.layers: 6 lies beyond the 5 blocks",
    ],
    [
      [...weights, "perceptualNetwork.preset=dino-vit-b16", "codebook.loss.layers=[3,13]"],
      "codebook.loss.layers: 13 lies beyond the 12 blocks",
    ],
    [
      [`perceptualNetwork.vit=${shape.replace('"heads":4', '"heads":5')}`],
      "perceptualNetwork.vit.heads: a width of 64 is not divisible by 5 heads",
    ],
    [
      [`perceptualNetwork.vit=${shape.replace('"depth":3', '"depth":2')}`],
      "codebook.loss.layers: 3 lies beyond the 2 blocks",
    ],
    [
      [...weights, "perceptualNetwork.preset=dino-vit-b16", "image.size=40", "pretrain.mask.count=4"],
      "perceptualNetwork.preset: its patches have 16 pixels, which do not divide pictures of 40",
    ],
    [
      [...weights, "perceptualNetwork.preset=dino-vit-b16", "codebook.pictureSize=40"],
      "perceptualNetwork.preset: its patches have 16 pixels, which do not divide pictures of 40",
    ],
    [
      [...weights, "perceptualNetwork.preset=dino-vit-b16", ...fineTunedAt40],
      "perceptualNetwork.preset: its patches have 16 pixels, which do not divide pictures of 40",
    ],
    [
      ["perceptualNetwork.microBatch=8"],
      "perceptualNetwork.microBatch: there is none, for a batch in parts would give another result: the batch norm in MoCo's heads sees the whole batch, and all keys of a batch are its negatives; perceptualNetwork.batch is what is computed at once (--set perceptualNetwork.microBatch=8)",
    ],
  ])("refuses %j", (sets, message) => {
    expect(() => loadRecipe("small", { sets })).toThrow(message);
  });

  it.each([
    [["finetune.pictureSize=40", "data.form=encoded"]],
    [["codebook.pictureSize=40", "pretrain.target=pixels"]],
    [fineTunedAt40.with(1, "finetune.pictureSize=48")],
  ])("does not mind the size of pictures that it does not see, or that its patches divide: %j", (sets) => {
    const preset = [...weights, "perceptualNetwork.preset=dino-vit-b16"];
    expect(() => loadRecipe("small", { sets: [...preset, ...sets] })).not.toThrow();
  });

  it("has no key that is refused with a reason", () => {
    expect(loadRecipe("small").recipe.perceptualNetwork).not.toHaveProperty("microBatch");
  });

  it("may be somebody else's, of any depth", () => {
    const sets = [...weights, "perceptualNetwork.preset=mocov3-vit-b16", "codebook.loss.layers=[3,6,9,12]"];
    expect(loadRecipe("small", { sets }).recipe.perceptualNetwork.preset).toBe("mocov3-vit-b16");
  });
});
