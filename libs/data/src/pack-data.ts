import { assignLabels, type LabelShares } from "./assign-labels.ts";
import { assignSplits, type Copies, type SplitShares, splitDefinition } from "./assign-splits.ts";
import { decodingFacts, resizingFacts } from "./decode.ts";
import { CorruptPicture } from "./errors.ts";
import type { GeneratedSet } from "./generated-set.ts";
import type { IdentifiedFile, IdentifiedFolder } from "./identify-folder.ts";
import { packEncoded, type ShardSink } from "./pack-encoded.ts";
import type { EncodedIndex, PackedPicture, PackIndex, SkippedFile, Split, SplitDefinition } from "./pack-index.ts";
import { type Packed, type PackOptions, type PictureSource, packPictures } from "./pack-pictures.ts";
import { countPictures } from "./pack-summary.ts";
import { type EncodedPlace, PictureTable } from "./picture-table.ts";

/** What a pack holds of its pictures: pixels, `side` high and wide, written to the file `out`; or the files, given to `sink` in shards. */
export type PackForm =
  | { readonly form: "decoded"; readonly out: string; readonly side: number }
  | { readonly form: "encoded"; readonly sink: ShardSink; readonly shardBytes?: number };

/** What a `data` artifact is made of, beside the bytes of the pictures. */
export interface PackedData {
  /** `index.json`. */
  readonly index: PackIndex;
  /** What is known about each picture; its bytes are `pictures.table` where pictures are files. */
  readonly table: PictureTable;
  /** The manifest's `meta`: how pictures were prepared and how many there are. Content only, so that equal data give equal digests. */
  readonly meta: DataMeta;
}

/** See {@link PackedData.meta}. */
export type DataMeta = {
  source: "generated" | "folder";
  preprocessing:
    | ({ size: number } & typeof decodingFacts & typeof resizingFacts)
    | ({ form: "encoded" } & typeof decodingFacts);
  counts: { [split in Split]: number } & {
    labelled: number;
    skipped: number;
    copies: number;
    copiesAcrossSplits: number;
  };
  classes: string[];
};

/**
 * Packs a folder of pictures and splits them. Their order is that of their contents' hashes, so that the first so many are a fair sample
 * of all classes.
 *
 * The side of packed pixels is the recipe's image size exactly. A crop is then enlarged where it is smaller than the picture, as with
 * CIFAR; a larger side would sharpen small crops of photographs at the price of a resize for every evaluated picture as well. Where that
 * matters, pictures are packed as files.
 *
 * @throws CorruptPicture FileChanged ClassTooSmall TooFewPictures
 */
export async function packFolder(
  folder: IdentifiedFolder,
  into: PackForm,
  options: PackOptions & SplitShares & LabelShares,
): Promise<PackedData> {
  const unreadable = folder.files.filter(({ hash }) => hash === null);
  if (options.onCorrupt === "fail" && unreadable[0] !== undefined) throw unreadableFile(unreadable[0]);
  const files = readableFiles(folder);
  assignSplits(folder, files, options); // what is too small is said before anything is decoded
  const packed = await pack(files, into, options);
  const kept = packed.pictures.map(({ source }) => source);
  const arranged = arrangeFolder(folder, kept, options);
  const pictures = arranged.pictures.map((picture, at) => {
    const { place } = packed.pictures[at] as (typeof packed.pictures)[number];
    return place === undefined ? picture : { ...picture, place };
  });
  const skipped = [...arranged.skipped, ...packed.skipped].sort(byName);
  return packedData("folder", folder.kind, into, { ...arranged, pictures, skipped, shards: packed.shards });
}

/** Classes, split and labels of a folder's files. */
interface Arranged {
  readonly classes: readonly string[];
  /** In the order of the files. */
  readonly pictures: PackedPicture[];
  /** Files that are no longer asked about: broken links, files that could not be read. */
  readonly skipped: SkippedFile[];
  readonly copies: Copies;
  readonly split: SplitDefinition;
}

function arrangeFolder(
  folder: IdentifiedFolder,
  files: readonly (IdentifiedFile & { hash: string })[],
  options: SplitShares & LabelShares,
): Arranged {
  const { splits, copies } = assignSplits(folder, files, options);
  const labelled = assignLabels(files, splits, folder.labels?.names ?? null, options);
  const labelOf = new Map(folder.classes.map((name, label) => [name, label]));
  const unreadable = folder.files.filter(({ hash }) => hash === null);
  return {
    classes: folder.classes,
    pictures: files.map(({ name, hash, className }, at) => ({
      name,
      hash,
      label: className === null ? null : (labelOf.get(className) as number),
      split: splits[at] as Split,
      labelled: labelled[at] as boolean,
    })),
    skipped: [
      ...folder.skipped,
      ...unreadable.map(({ name, problem }) => ({ name, reason: problem ?? "cannot be read" })),
    ].sort(byName),
    copies,
    split: splitDefinition(folder.prescribed, files, options),
  };
}

/** A folder as it would be packed as files if all of them could be decoded; nothing is decoded or written. */
export interface FolderPreview {
  readonly index: EncodedIndex;
  readonly table: PictureTable;
  /** In the order of the table. */
  readonly files: readonly IdentifiedFile[];
}

/** What a folder would give, before anything is packed. @throws ClassTooSmall TooFewPictures */
export function previewFolder(folder: IdentifiedFolder, options: SplitShares & LabelShares): FolderPreview {
  const files = readableFiles(folder);
  const { pictures, classes, ...rest } = arrangeFolder(folder, files, options);
  const table = PictureTable.of(pictures);
  const common = { format: 1, source: folder.kind, form: "encoded", count: files.length, shards: [] } as const;
  const index = { ...common, ...rest, ...countPictures(table, classes.length), classes: [...classes], shards: [] };
  return { index, table, files };
}

/** The files that could be read, in the order of their contents. */
function readableFiles(folder: IdentifiedFolder): (IdentifiedFile & { hash: string })[] {
  const files = folder.files.filter((file): file is IdentifiedFile & { hash: string } => file.hash !== null);
  return files.sort((a, b) => (a.hash === b.hash ? order(a.name, b.name) : order(a.hash, b.hash)));
}

const order = (a: string, b: string) => (a < b ? -1 : 1);
const byName = (a: SkippedFile, b: SkippedFile) => order(a.name, b.name);

/** Packs the generated set that lies in `folder`, in the order in which it was drawn. */
export async function packGenerated(
  set: GeneratedSet,
  folder: string,
  into: PackForm,
  options: Omit<PackOptions, "onCorrupt"> = {},
): Promise<PackedData> {
  const sources = set.pictures.map((picture) => ({ ...picture, path: `${folder}/${picture.name}`, hash: null }));
  const packed = await pack(sources, into, { ...options, onCorrupt: "fail" });
  const pictures = packed.pictures.map(({ source: { name, label, split, labelled }, hash, place }) => ({
    ...{ name, hash, label, split, labelled },
    ...(place && { place }),
  }));
  const copies = { files: 0, acrossSplits: 0, acrossClasses: 0 };
  const split = {
    kind: "generated",
    text: "as drawn: training, validation and test pictures each from keys of their own",
  } as const;
  return packedData("generated", "generated pictures", into, {
    classes: set.classes,
    pictures,
    skipped: [],
    copies,
    split,
    shards: packed.shards,
  });
}

async function pack<S extends PictureSource>(
  files: readonly S[],
  into: PackForm,
  options: PackOptions,
): Promise<Packed<S> & { shards?: { bytes: number }[] }> {
  if (into.form === "decoded") return packPictures(files, into.out, { ...options, side: into.side });
  const { sink, shardBytes } = into;
  return packEncoded(files, sink, { ...options, ...(shardBytes !== undefined && { shardBytes }) });
}

/** What was packed, as the index wants it. */
interface Contents {
  readonly classes: readonly string[];
  readonly pictures: readonly (PackedPicture & { readonly place?: EncodedPlace })[];
  readonly skipped: SkippedFile[];
  readonly copies: Copies;
  readonly split: SplitDefinition;
  readonly shards: { bytes: number }[] | undefined;
}

function packedData(
  source: DataMeta["source"],
  kind: PackIndex["source"],
  into: PackForm,
  contents: Contents,
): PackedData {
  const { pictures, skipped, copies, split, shards = [] } = contents;
  const classes = [...contents.classes];
  const table = PictureTable.of(pictures);
  const { counts, classCounts } = countPictures(table, classes.length);
  const common = { format: 1 as const, source: kind, classes, skipped, copies, split };
  return {
    index:
      into.form === "decoded"
        ? { ...common, side: into.side, pictures: [...pictures] }
        : { ...common, form: "encoded", count: pictures.length, counts, classCounts, shards },
    table,
    meta: {
      source,
      preprocessing:
        into.form === "decoded"
          ? { size: into.side, ...decodingFacts, ...resizingFacts }
          : { form: "encoded", ...decodingFacts },
      counts: {
        ...counts,
        skipped: skipped.length,
        copies: copies.files,
        copiesAcrossSplits: copies.acrossSplits,
      },
      classes,
    },
  };
}

function unreadableFile({ name, path, problem }: IdentifiedFile): CorruptPicture {
  return new CorruptPicture(`${name} ${problem}`, {
    path,
    remedy: "Give yourself the right to read it, or set data.folder.onCorrupt to skip.",
  });
}
