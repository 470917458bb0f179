import { checkRecipe, type Recipe } from "@peco/recipes";

/**
 * The recipe of a rehearsal: the same shapes, one step of each trainer, one fine-tuning, one picture. Run before real
 * training, it brings up in seconds what would otherwise fail after minutes, in the evaluator too.
 */
export function preflightRecipe(recipe: Recipe): Recipe {
  return checkRecipe({
    ...recipe,
    perceptualNetwork: { ...recipe.perceptualNetwork, steps: 1 },
    codebook: { ...recipe.codebook, steps: 1 },
    pretrain: { ...recipe.pretrain, steps: 1 },
    finetune: { ...recipe.finetune, steps: 1, lrs: recipe.finetune.lrs.slice(0, 1), repeats: 1 },
    evaluate: {
      ...recipe.evaluate,
      pictures: 1,
      probe: { ...recipe.evaluate.probe, labels: Math.min(64, recipe.evaluate.probe.labels) },
    },
  });
}
