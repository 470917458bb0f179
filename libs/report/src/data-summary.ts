import type { RunRecord, Store } from "@peco/artifacts";
import { z } from "zod";

/** Counts of one class, or of all pictures, by split. */
export interface SplitCounts {
  train: number;
  validation: number;
  test: number;
}

/** "Your data": what a run made of the pictures it was given. */
export interface DataSummary {
  /** Where the pictures came from, in words. */
  source: string;
  /** Edge of the packed pictures in pixels; null where they are files of any size. */
  side: number | null;
  counts: SplitCounts;
  /** How pictures came to be for training, validation or test. */
  split: string;
  /** Training pictures whose label fine-tuning may use. */
  labelled: number;
  /** By class; empty where the pictures have none. */
  classes: readonly { name: string; counts: SplitCounts }[];
  skipped: readonly { name: string; reason: string }[];
  /** Files with the same bytes as an earlier one; of these, those across the split, and those with another class. */
  copies: { files: number; acrossSplits: number; acrossClasses: number };
}

const count = z.int().nonnegative();

const counts = z.object({ train: count, validation: count, test: count });
const common = {
  classes: z.array(z.string()),
  split: z.object({ text: z.string() }).optional(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  copies: z.object({ files: count, acrossSplits: count, acrossClasses: count }),
};

/**
 * What the report reads of `index.json` in a `data` artifact: a list of pictures where they are pixels, counts where they are files. Its
 * writer, `@peco/data`, checks it in full.
 */
const dataIndex = z.union([
  z.object({
    ...common,
    side: z.int().positive(),
    pictures: z.array(
      z.object({ label: count.nullable(), split: z.enum(["train", "validation", "test"]), labelled: z.boolean() }),
    ),
  }),
  z.object({
    ...common,
    form: z.literal("encoded"),
    counts: counts.extend({ labelled: count }),
    classCounts: z.array(counts),
  }),
]);
type DataIndex = z.infer<typeof dataIndex>;

/** Counts the pictures of a `data` artifact. @throws ObjectMissing CorruptObject ZodError */
export async function readDataSummary(store: Store, artifact: string, run: RunRecord): Promise<DataSummary> {
  const text = new TextDecoder().decode(await store.artifactBlob(artifact, "index.json"));
  const index = dataIndex.parse(JSON.parse(text));
  return {
    source: run.data ?? "The generated set",
    ...("form" in index ? countsOfFiles(index) : countsOfPixels(index)),
    split: index.split?.text ?? "not written down by the version that packed it",
    skipped: index.skipped,
    copies: index.copies,
  };
}

type Counts = Pick<DataSummary, "side" | "counts" | "labelled" | "classes">;

function countsOfFiles({ classes, counts: all, classCounts }: Extract<DataIndex, { form: "encoded" }>): Counts {
  const { labelled, ...bySplit } = all;
  const none = { train: 0, validation: 0, test: 0 };
  const named = classes.map((name, label) => ({ name, counts: classCounts[label] ?? none }));
  return { side: null, counts: bySplit, labelled, classes: named };
}

function countsOfPixels({ side, classes, pictures }: Exclude<DataIndex, { form: "encoded" }>): Counts {
  const none = (): SplitCounts => ({ train: 0, validation: 0, test: 0 });
  const all = none();
  const byClass = classes.map((name) => ({ name, counts: none() }));
  for (const { label, split } of pictures) {
    all[split]++;
    const named = label === null ? undefined : byClass[label];
    if (named !== undefined) named.counts[split]++;
  }
  const labelled = pictures.filter((picture) => picture.split === "train" && picture.labelled).length;
  return { side, counts: all, labelled, classes: byClass };
}
