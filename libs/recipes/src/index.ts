export { RecipeError, type RecipeProblem } from "./errors.ts";
export { recipeFileJsonSchema, recipeJsonSchema } from "./json-schema.ts";
export { recipeFile, recipeNames } from "./layers.ts";
export { checkRecipe, type LoadedRecipe, loadRecipe } from "./load.ts";
export { nearest } from "./nearest.ts";
export { type CropRecipe, type OptimizerRecipe, type Recipe, recipeSchema } from "./schema.ts";
export {
  type GraphOptions,
  type ServiceName,
  type Stage,
  type StageName,
  stageGraph,
  stageNames,
  stageVersions,
  until,
} from "./stage-graph.ts";
export {
  type Difference,
  describeDifference,
  differences,
  nearestKey,
  type StageKeyParts,
  stageKeyParts,
  valueDifferences,
} from "./stage-key.ts";
