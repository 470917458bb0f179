import { z } from "zod";
import { count, partial, share } from "./common.ts";

/** Where pictures come from and how they are split. */
export const data = z.strictObject({
  generated: z
    .strictObject({
      train: count,
      labelled: count.describe("of the training pictures, those whose class is used"),
      validation: count,
      test: count,
      colourNuisance: z
        .boolean()
        .describe("false: all pictures share one chroma, so that colour tells nothing and hides nothing"),
    })
    .describe("pictures that are made when no folder is given"),
  form: z
    .enum(["decoded", "encoded"])
    .describe(
      "decoded: pixels at image.size, for small pictures; encoded: the files themselves, decoded whenever a picture is drawn, so that crops see every pixel",
    ),
  folder: z
    .strictObject({
      testShare: partial.gt(0).describe("of each class, when the folder has no split of its own"),
      validationShare: partial.gt(0).describe("of what is not test"),
      labelsFile: z
        .string()
        .min(1)
        .nullable()
        .describe("a text file with one training picture in each line: only their labels are used; null: all"),
      labelledShare: share
        .gt(0)
        .describe("of each class's training pictures, those whose label is used: the first by their contents' hashes"),
      onCorrupt: z.enum(["skip", "fail"]).describe("a file that is no whole picture: count and name it, or stop"),
    })
    .describe("pictures of a folder, of tar files or of WebDataset shards"),
});
