import { recipeSchema } from "@peco/recipes";
import { z } from "zod";

/** `meta.config` of an artifact that holds a vision transformer: a recipe's `image` and `vit` together. */
export const visionTransformerConfig = z.strictObject({
  ...recipeSchema.shape.image.shape,
  ...recipeSchema.shape.vit.shape,
});
