import { expect, it } from "vitest";
import { knownModels } from "../src/index.ts";
import { compareWithTimm } from "./interchange-reference.ts";

// timm's models with every tensor perturbed, since their zeros and tiny heads would prove nothing.
it.each(["beit_base_patch16_224", "vit_base_patch16_224", "beit_large_patch16_224"])(
  "%s gives timm's logits",
  (name) => {
    const model = knownModels.find((known) => known.name === name);
    if (model === undefined) throw new Error(`${name} is not known`);
    const { vit, pool } = model;
    const options = { role: "classifier", heads: vit.heads, normalisation: vit, pool, known: vit } as const;
    const { imported, distance } = compareWithTimm(name, options);
    expect(imported.unused).toEqual([]);
    expect(imported.architecture.outputs).toBe(1000);
    // Measured: 7e-7.
    expect(distance).toBeLessThan(1e-4);
  },
  300_000,
);
