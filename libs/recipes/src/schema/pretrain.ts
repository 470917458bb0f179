import { z } from "zod";
import { count, crop, filter, flip, jitter, optimizer } from "./common.ts";

/** The stage `pretrain`. */
export const pretrain = z
  .strictObject({
    target: z
      .enum(["tokens", "pixels"])
      .describe("tokens: the tokenizer's; pixels: the patch, normalised by its own mean and deviation"),
    steps: count,
    batch: count,
    microBatch: count.nullable().describe("pictures computed at a time; null: all"),
    lossMean: z
      .enum(["batch", "micro-batches"])
      .describe("over all masked patches of the batch, or over the means of its micro-batches, as BEiT's ranks do"),
    mask: z
      .strictObject({
        count: count.describe("patches to mask"),
        minBlock: count.describe("patches of the smallest block"),
        form: z
          .enum(["at-most", "exactly", "random"])
          .describe(
            "at-most: BEiT's first; exactly: filled up with single patches, as in its second; random: single patches alone",
          ),
      })
      .describe("block-wise masks"),
    optimizer,
    views: z.strictObject({
      crop,
      tokenizerFilter: filter,
      flip,
      jitter: jitter.nullable().describe("before the crop, in both views; null: none"),
    }),
  })
  .describe("prediction of the tokens of masked patches");
