import type { SkippedFile, Split } from "./pack-index.ts";
import type { FoundEntry } from "./walk-folder.ts";

/** A picture file as its source presents it. */
export interface FoundFile extends FoundEntry {
  /** Name of its class; null in a source without classes. */
  readonly className: string | null;
  /** What the source says it is for; null where it says nothing. */
  readonly split: Split | null;
}

/** What a folder of pictures was recognised as, in words that a user reads. */
export const sourceKinds = [
  "flat folder",
  "class folders",
  "class folders by split",
  "class tar files",
  "ImageNet folders",
  "ImageNet tar files",
  "WebDataset shards",
] as const;
/** See {@link sourceKinds}. */
export type SourceKind = (typeof sourceKinds)[number];

/** What a folder of pictures holds. */
export interface FolderContents {
  readonly root: string;
  readonly kind: SourceKind;
  /** In the order of their labels; empty where the source has none. */
  readonly classes: readonly string[];
  /** Splits that the source itself has. */
  readonly splits: readonly Split[];
  /** How it has them, in words; null where it has none. */
  readonly prescribed: string | null;
  /** Sorted by name. */
  readonly files: readonly FoundFile[];
  /** Links that lead nowhere or back into a folder above. */
  readonly skipped: readonly SkippedFile[];
  /** Files that are neither pictures nor archives of pictures, and pictures for a test that have no labels. */
  readonly others: number;
}
