import type { PackSummary, Spread } from "@peco/data";
import { z } from "zod";
import { bytes, figure, pairs, table } from "../table.ts";

const spread = z.object({ min: z.number(), median: z.number(), max: z.number() });
const counts = {
  train: z.int(),
  validation: z.int(),
  test: z.int(),
  labelled: z.int().describe("of the training pictures, those whose label may be used"),
};

/** The part of the documents of `peco data` that says what a set of pictures is. */
export const summaryDocument = {
  source: z.string().nullable().describe("what the pictures came from, as it was recognised"),
  split: z
    .object({ kind: z.string(), text: z.string() })
    .nullable()
    .describe("how pictures came to be for training, validation or test"),
  pictures: z.int(),
  counts: z.object(counts),
  perClass: z
    .object({ train: spread, validation: spread, test: spread })
    .nullable()
    .describe("pictures of a class, over the classes; null without classes"),
  classes: z.array(z.object({ name: z.string(), ...counts })).describe("in the order of their labels"),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })).describe("files left out"),
  copies: z
    .object({ files: z.int(), acrossSplits: z.int(), acrossClasses: z.int() })
    .describe("files with the same bytes as an earlier one"),
  side: z.int().nullable().describe("pixels on a side, where pictures are packed as pixels"),
  sizes: z
    .object({ height: spread, width: spread, bytes: spread })
    .nullable()
    .describe("of picture files: pixels, upright, and bytes; null where pictures are pixels"),
};

/** A summary as its part of a document. */
export function plainSummary(summary: PackSummary): z.infer<z.ZodObject<typeof summaryDocument>> {
  return JSON.parse(JSON.stringify(summary)) as z.infer<z.ZodObject<typeof summaryDocument>>;
}

/** Files named under a summary; `--json` has all of them. */
const NAMED = 5;

/** A summary for people: what was found, how it is split, what was left out. Files of a folder were not decoded. */
export function summaryText(summary: PackSummary, { decoded = true } = {}): string {
  const { counts: all, classes, perClass, skipped, copies, sizes, side } = summary;
  const range = ({ min, median, max }: Spread, show: (value: number) => string = figure) =>
    min === max ? show(min) : `${show(min)} to ${show(max)}, median ${show(median)}`;
  const rows = (["train", "validation", "test"] as const).map((split) => [
    split,
    { right: figure(all[split]) },
    perClass === null ? "" : range(perClass[split]),
  ]);
  const facts: (readonly [string, string])[] = [
    ["source", summary.source ?? "not written down"],
    ["pictures", figure(summary.pictures)],
    ["classes", classes.length === 0 ? "none" : figure(classes.length)],
    ["labels used", `${figure(all.labelled)} of ${figure(all.train)}`],
    ["split", summary.split?.text ?? "not written down"],
    ...(sizes === null
      ? [["size", `${side} x ${side} pixels`] as const]
      : [
          ["height", `${range(sizes.height)} pixels`] as const,
          ["width", `${range(sizes.width)} pixels`] as const,
          ["file", range(sizes.bytes, bytes)] as const,
        ]),
    ...(copies.files === 0
      ? []
      : [["byte copies", `${copies.files}, ${copies.acrossSplits} of them across the split`] as const]),
    [
      "left out",
      !decoded
        ? "known when they are packed: nothing was decoded"
        : skipped.length === 0
          ? "nothing"
          : `${skipped.length} ${skipped.length === 1 ? "file" : "files"}`,
    ],
  ];
  const named = skipped.slice(0, NAMED).map(({ name, reason }) => `  ${name} ${reason}`);
  const more = skipped.length > NAMED ? [`  and ${skipped.length - NAMED} more, which --json names`] : [];
  return [pairs(facts), ...named, ...more, "", table(["split", "pictures", "of a class"], rows)].join("\n");
}
