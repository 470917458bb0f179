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
  /** Edge of the packed pictures in pixels. */
  side: number;
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

/** What the report reads of `index.json` in a `data` artifact; its writer, `@peco/data`, checks it in full. */
const dataIndex = z.object({
  side: z.int().positive(),
  classes: z.array(z.string()),
  pictures: z.array(
    z.object({ label: count.nullable(), split: z.enum(["train", "validation", "test"]), labelled: z.boolean() }),
  ),
  split: z.object({ text: z.string() }).optional(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  copies: z.object({ files: count, acrossSplits: count, acrossClasses: count }),
});

/** Counts the pictures of a `data` artifact. @throws ObjectMissing CorruptObject ZodError */
export async function readDataSummary(store: Store, artifact: string, run: RunRecord): Promise<DataSummary> {
  const text = new TextDecoder().decode(await store.artifactBlob(artifact, "index.json"));
  const { side, classes, pictures, skipped, copies, split: definition } = dataIndex.parse(JSON.parse(text));
  const none = (): SplitCounts => ({ train: 0, validation: 0, test: 0 });
  const counts = none();
  const byClass = classes.map((name) => ({ name, counts: none() }));
  for (const { label, split } of pictures) {
    counts[split]++;
    const named = label === null ? undefined : byClass[label];
    if (named !== undefined) named.counts[split]++;
  }
  const labelled = pictures.filter((picture) => picture.split === "train" && picture.labelled).length;
  return {
    source: run.data ?? "The generated set",
    side,
    counts,
    split: definition?.text ?? "not written down by the version that packed it",
    labelled,
    classes: byClass,
    skipped,
    copies,
  };
}
