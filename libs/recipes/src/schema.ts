import { z } from "zod";
import { codebook } from "./schema/codebook.ts";
import type { crop, optimizer } from "./schema/common.ts";
import { data } from "./schema/data.ts";
import { evaluate } from "./schema/evaluate.ts";
import { finetune } from "./schema/finetune.ts";
import { image } from "./schema/image.ts";
import { perceptualNetwork } from "./schema/perceptual-network.ts";
import { pretrain } from "./schema/pretrain.ts";
import { runtime } from "./schema/runtime.ts";
import { vit } from "./schema/vit.ts";

/** An experiment: everything that a run's results depend on except data, seed and the software. */
export const recipeSchema = z.strictObject({
  image,
  vit,
  runtime,
  data,
  perceptualNetwork,
  codebook,
  pretrain,
  finetune,
  evaluate,
});

/** A whole recipe that passed all checks. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Optimizer settings of a stage; fine-tuning has its learning rates apart, in `lrs`. */
export type OptimizerRecipe = z.infer<typeof optimizer>;
/** Random crop. */
export type CropRecipe = z.infer<typeof crop>;
