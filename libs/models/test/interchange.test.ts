import { expect, it } from "vitest";
import { exportWeights } from "../src/index.ts";
import { compareWithTimm } from "./interchange-reference.ts";

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

it.each([
  ["small", "classifier", "mean"],
  ["vit", "classifier", "class-token"],
  ["vitEncoder", "encoder", "class-token"],
  ["beit", "classifier", "mean"],
  ["beitEncoder", "encoder", "class-token"],
  ["beitLearned", "classifier", "class-token"],
] as const)("%s: timm's weights give timm's output, and go back under timm's names", (name, role, pool) => {
  const { imported, reference, distance } = compareWithTimm(name, { role, pool, heads: 4, normalisation: imagenet });
  // The models' own bound: twice what float32 costs PyTorch, and here two roundings of the stored logits beside.
  expect(distance).toBeLessThan(2 * reference.ownDistance + 2e-7);
  const { tensors, timm } = exportWeights(imported.weights, imported.architecture);
  expect(timm).toEqual({ model: reference.model, kwargs: reference.kwargs });
  expect(Object.fromEntries(Object.entries(tensors).map(([tensor, { shape }]) => [tensor, shape]))).toEqual(
    reference.shapes,
  );
});
