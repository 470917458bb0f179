import { z } from "zod";
import { count, nonNegative, partial, positive } from "./common.ts";

/** The vision transformer that is pre-trained. */
export const vit = z
  .strictObject({
    width: count,
    depth: count.describe("transformer blocks"),
    heads: count,
    mlpRatio: positive.describe("width of a block's hidden layer / width"),
    positions: z
      .enum(["sincos", "learned", "relative"])
      .describe("sincos: fixed; learned: added to the patches; relative: BEiT's bias on attention"),
    init: z.enum(["xavier", "beit"]).describe("how weights start"),
    layerScale: nonNegative.describe("start of the learned scale of each branch; 0: none"),
    keyBias: z.boolean().describe("a bias on attention's keys, too"),
    dropPath: partial.describe(
      "probability of leaving a branch out, in the last block while pre-training; rises linearly from 0",
    ),
  })
  .describe("the vision transformer, for all stages");
