/** What the report says about the pictures; read from the `data` artifact's meta and lists. */
import type { Manifest, Store } from "@peco/artifacts";
import { z } from "zod";

const count = z.int().nonnegative();

/** Counts of one class, or of all pictures, by split. */
export const splitCounts = z.object({ train: count, validation: count, test: count });
export type SplitCounts = z.infer<typeof splitCounts>;

/** "Your data". */
export interface DataSummary {
  /** Where the pictures came from, in words. */
  source: string;
  /** Edge of the packed pictures in pixels. */
  size: number | null;
  counts: SplitCounts;
  /** Labelled pictures among `counts.train`; null where all are, or none. */
  labelled: number | null;
  /** By class; null where the pictures have none. */
  classes: readonly { name: string; counts: SplitCounts }[] | null;
  skipped: readonly { path: string; reason: string }[];
  /** Pictures with the same content: how many files are copies of another, and how many lie on the other side of the split. */
  copies: { files: number; acrossSplit: number } | null;
}

const dataMeta = z.object({
  source: z.string(),
  size: z.int().nullable(),
  counts: splitCounts,
  labelled: count.nullable(),
  classes: z.array(z.object({ name: z.string(), counts: splitCounts })).nullable(),
  skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
  copies: z.object({ files: count, acrossSplit: count }).nullable(),
});

/** Reads the summary of a `data` artifact. */
export async function readDataSummary(_store: Store, _digest: string, manifest: Manifest): Promise<DataSummary> {
  return dataMeta.parse(manifest.meta["summary"]);
}
