import { flatValues } from "./flat-values.ts";
import { originOf } from "./origins.ts";

/** Every value of a recipe as words, and the publication that it was taken from, or "own choice". */
export function recipeValues(recipe: object): { path: string; value: string; source: string }[] {
  return flatValues("", recipe).map(([path, value]) => ({ path, value, source: originOf(path, value) }));
}
