import { z } from "zod";
import { count, perChannel, positive } from "./common.ts";

/** Facts about pictures that all stages share. */
export const image = z
  .strictObject({
    size: count.describe("pixels on a side"),
    patch: count.describe("pixels on a side of a patch"),
    mean: perChannel.describe("taken from each channel, pixels being in [0, 1]"),
    std: z.tuple([positive, positive, positive]).describe("then divided by"),
  })
  .describe("pictures, for all stages");
