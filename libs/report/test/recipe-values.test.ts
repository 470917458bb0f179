import { describe, expect, it } from "vitest";
import { recipeValues } from "../src/index.ts";

const recipe = (source: string) => ({
  perceptualNetwork: { source, preset: null, batch: 64, temperature: 0.2 },
  codebook: { source: "vq", decay: 0.99 },
});
const sources = (given: object) => Object.fromEntries(recipeValues(given).map(({ path, source }) => [path, source]));

describe("the values of a recipe", () => {
  it("come with the publication that they were taken from", () => {
    expect(sources(recipe("moco"))).toMatchObject({
      "perceptualNetwork.temperature": "MoCo v3",
      "perceptualNetwork.batch": "own choice",
      "codebook.decay": "VQ-VAE",
    });
  });

  it("are said to be idle where the network is taken from elsewhere", () => {
    const found = sources(recipe("weights"));
    expect(found["perceptualNetwork.temperature"]).toBe("not used: nothing is trained there");
    expect(found["perceptualNetwork.source"]).not.toContain("not used");
    expect(found["codebook.decay"]).toBe("VQ-VAE");
  });
});
