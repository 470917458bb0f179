import { z } from "zod";
import { count, crop, flip, nonNegative, positive } from "./common.ts";

/** The stage `evaluate`. */
export const evaluate = z.strictObject({
  batch: count,
  probe: z
    .strictObject({
      labels: count.describe(
        "at most this many training pictures with their classes, also those whose labels fine-tuning may not use; neighbours and code words take the same",
      ),
      method: z
        .enum(["lbfgs", "adamw"])
        .describe("lbfgs: logistic regression of features in memory; adamw: BEiT's, on augmented pictures, any number"),
      weightDecay: nonNegative.describe("lbfgs: half of it times the squared weights is added to the loss"),
      adamw: z
        .strictObject({
          epochs: count,
          batch: count,
          lr: positive.describe("at the start; a half cosine to 0, set once an epoch"),
          weightDecay: nonNegative,
          crop,
          flip,
        })
        .describe("adamw's settings"),
    })
    .describe("linear classifiers on frozen features: the probe of every block, and the code words"),
  knn: z
    .strictObject({ neighbours: z.array(count).min(1), temperature: positive })
    .describe("nearest neighbours by the pre-trained network's features"),
  codeWords: z
    .boolean()
    .describe("linear evaluation of tokens: bag of codes, looked-up embeddings, latents before the codebook"),
  triples: z.int().min(0).describe("made for two-alternative forced choice, blur against shift; 0: none"),
  pictures: z.int().min(1).max(64).describe("shown in the report"),
});
