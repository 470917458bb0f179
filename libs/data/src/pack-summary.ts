import type { PackIndex, Split, SplitCounts, SplitDefinition } from "./pack-index.ts";
import type { PictureTable } from "./picture-table.ts";

/** Smallest, middle and largest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** What a set of pictures is, in numbers. */
export interface PackSummary {
  /** What it came from, in words; null for packs of earlier versions. */
  readonly source: string | null;
  readonly split: SplitDefinition | null;
  readonly pictures: number;
  readonly counts: SplitCounts;
  /** Of each class, in the order of the labels. */
  readonly classes: readonly ({ readonly name: string } & SplitCounts)[];
  /** Pictures of a class, over the classes; null where there are none. */
  readonly perClass: { readonly [split in Split]: Spread } | null;
  readonly skipped: PackIndex["skipped"];
  readonly copies: PackIndex["copies"];
  /** Of picture files: sides in pixels, upright, and bytes; null for a pack of pixels, which all have `side`. */
  readonly sizes: { readonly height: Spread; readonly width: Spread; readonly bytes: Spread } | null;
  /** Of a pack of pixels. */
  readonly side: number | null;
}

/** Counts the pictures of a table by split, all of them and those of each of `classes` classes. */
export function countPictures(
  table: PictureTable,
  classes: number,
): { counts: SplitCounts; classCounts: SplitCounts[] } {
  const none = () => ({ train: 0, validation: 0, test: 0, labelled: 0 });
  const counts = none();
  const classCounts = Array.from({ length: classes }, none);
  for (let place = 0; place < table.length; place++) {
    const split = table.split(place);
    const isLabelled = split === "train" && table.labelled(place);
    const own = classCounts[table.label(place) ?? -1];
    for (const count of own === undefined ? [counts] : [counts, own]) {
      count[split]++;
      if (isLabelled) count.labelled++;
    }
  }
  return { counts, classCounts };
}

/** Counts a pack. */
export function summarisePack(index: PackIndex, table: PictureTable): PackSummary {
  const { counts, classCounts } = countPictures(table, index.classes.length);
  const classes = index.classes.map((name, label) => ({ name, ...(classCounts[label] as SplitCounts) }));
  const of = (split: Split) => spread(classes.map((count) => count[split]));
  const { height, width, bytes } = table.columns;
  return {
    source: index.source ?? null,
    split: index.split ?? null,
    pictures: table.length,
    counts,
    classes,
    perClass: classes.length === 0 ? null : { train: of("train"), validation: of("validation"), test: of("test") },
    skipped: index.skipped,
    copies: index.copies,
    sizes: "form" in index ? { height: spread(height), width: spread(width), bytes: spread(bytes) } : null,
    side: "form" in index ? null : index.side,
  };
}

/** Smallest, middle (the lower of two) and largest; all 0 where there are none. */
export function spread(values: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (place: number) => sorted[place] ?? 0;
  return { min: at(0), median: at(Math.floor((sorted.length - 1) / 2)), max: at(sorted.length - 1) };
}
