import { z } from "zod";
import { positive } from "./common.ts";

/** How steps are computed. */
export const runtime = z
  .strictObject({
    compiler: z.enum(["graph", "xla"]),
    precision: z.enum(["float32", "bfloat16"]).describe("of matrix products and convolutions"),
    recompute: z
      .enum(["none", "blocks"])
      .describe(
        "blocks: a transformer block's activations are computed again for its gradient instead of kept; less memory, a third more work",
      ),
    threads: z.int().min(1).max(1024).describe("of a training step; they change the last bits of a result"),
    checkpointSeconds: positive.describe("time between checkpoints; changes no result"),
  })
  .describe("how training steps are computed");
