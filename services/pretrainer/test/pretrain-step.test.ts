import { encodeTokens, initVqAutoencoder } from "@peco/models";
import { jit, random, type tf } from "tfjs-libtensorflow";
import { describe, it } from "vitest";
import { drawnBatch, expectSameCompiledAndEager } from "../../../libs/training/test/compiled-and-eager.ts";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { initPretraining, type PretrainOptions, pretrainStep } from "../src/index.ts";

const recipe = shortRecipe();
const patches = (recipe.image.size / recipe.image.patch) ** 2;
const pictures = { shape: [4, recipe.image.size, recipe.image.size, 3], values: 256 };

function options(change: Partial<PretrainOptions> = {}): PretrainOptions {
  const autoencoder = initVqAutoencoder(recipe.codebook, random.key(2));
  const vectors = random.normal(random.key(3), [16, recipe.codebook.width]) as tf.Tensor2D;
  return {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: recipe.pretrain,
    dropPath: 0,
    precision: "float32",
    tokenizer: { codes: 16, tokenise: (views) => encodeTokens(autoencoder, vectors, views, recipe.image) },
    ...change,
  };
}

/** As many ones in each row as the recipe masks. */
function batch() {
  const drawn = drawnBatch({ view1: pictures, view2: pictures });
  const mask = new Uint8Array(4 * patches);
  for (let row = 0; row < 4; row++) {
    for (let i = 0; i < recipe.pretrain.mask.count; i++) mask[row * patches + ((row + 2 * i) % patches)] = 1;
  }
  return { ...drawn, mask: { dtype: "uint8" as const, shape: [4, patches], data: mask } };
}

describe("a step of pre-training", () => {
  const beit = {
    ...recipe.image,
    ...recipe.vit,
    positions: "relative",
    init: "beit",
    layerScale: 0.1,
    keyBias: false,
  } as const;
  const cases: [string, PretrainOptions, "graph" | "xla", number][] = [
    ["graph", options(), "graph", 1e-5],
    ["xla", options({ vit: { ...recipe.image, ...recipe.vit, depth: 1 } }), "xla", 1e-5],
    ["graph, as BEiT, with drop path", options({ vit: beit, dropPath: 0.3 }), "graph", 1e-5],
    ["graph, pixels", options({ tokenizer: null }), "graph", 1e-5],
    ["graph in bfloat16", options({ precision: "bfloat16" }), "graph", 1e-2],
  ];
  for (const [name, chosen, compiler, tolerance] of cases) {
    it(`gives compiled (${name}) what it gives eagerly`, async () => {
      const initial = initPretraining(chosen, random.key(4));
      await expectSameCompiledAndEager(jit(pretrainStep(chosen), { name, compiler }), initial, batch(), tolerance);
    });
  }
});
