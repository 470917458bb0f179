import { z } from "zod";
import { count, nonNegative, positive } from "./common.ts";

/** The stage `evaluate`. */
export const evaluate = z.strictObject({
  batch: count,
  probe: z
    .strictObject({ labels: count.describe("at most this many labelled pictures"), weightDecay: nonNegative })
    .describe("linear probe"),
  knn: z
    .strictObject({ neighbours: z.array(count).min(1), temperature: positive })
    .describe("nearest neighbours by the pre-trained network's features"),
  codeWords: z
    .boolean()
    .describe("linear evaluation of tokens: bag of codes, looked-up embeddings, latents before the codebook"),
  triples: z.int().min(0).describe("made for two-alternative forced choice, blur against shift; 0: none"),
  pictures: z.int().min(1).max(64).describe("shown in the report"),
});
