import { assignSplits, type Copies, type SplitShares } from "./assign-splits.ts";
import { decodingFacts } from "./decode.ts";
import { CorruptPicture } from "./errors.ts";
import type { GeneratedSet } from "./generated-set.ts";
import type { IdentifiedFile, IdentifiedFolder } from "./identify-folder.ts";
import type { PackedPicture, PackIndex, SkippedFile, Split } from "./pack-index.ts";
import { type PackOptions, packPictures } from "./pack-pictures.ts";

/** What a `data` artifact is made of, beside the bytes that were written to the file of pictures. */
export interface PackedData {
  /** `index.json`. */
  readonly index: PackIndex;
  /** The manifest's `meta`: how pictures were prepared and how many there are. Content only, so that equal data give equal digests. */
  readonly meta: DataMeta;
}

/** See {@link PackedData.meta}. */
export type DataMeta = {
  source: "generated" | "folder";
  preprocessing: { size: number } & typeof decodingFacts;
  counts: { [split in Split]: number } & {
    labelled: number;
    skipped: number;
    copies: number;
    copiesAcrossSplits: number;
  };
  classes: string[];
};

/**
 * Packs a folder of pictures: decodes them into the file `out` and splits them. Their order is that of their contents' hashes, so that
 * the first so many are a fair sample of all classes.
 *
 * The side of packed pictures is the recipe's image size exactly. A crop is then enlarged where it is smaller than the picture, as with
 * CIFAR; a larger side would sharpen small crops of photographs at the price of a resize for every evaluated picture as well.
 *
 * @throws CorruptPicture FileChanged ClassTooSmall TooFewPictures
 */
export async function packFolder(
  folder: IdentifiedFolder,
  out: string,
  options: PackOptions & SplitShares,
): Promise<PackedData> {
  const unreadable = folder.files.filter(({ hash }) => hash === null);
  if (options.onCorrupt === "fail" && unreadable[0] !== undefined) throw unreadableFile(unreadable[0]);
  const files = folder.files.filter((file): file is IdentifiedFile & { hash: string } => file.hash !== null);
  files.sort((a, b) => (a.hash + a.name < b.hash + b.name ? -1 : 1));
  assignSplits(folder, files, options); // what is too small is said before anything is decoded
  const packed = await packPictures(files, out, options);
  const kept = packed.pictures.map(({ source }) => source);
  const { splits, copies } = assignSplits(folder, kept, options);
  const pictures = kept.map(
    ({ name, hash, className }, at): PackedPicture => ({
      name,
      hash,
      label: className === null ? null : folder.classes.indexOf(className),
      split: splits[at] as Split,
      labelled: className !== null,
    }),
  );
  const skipped = [
    ...folder.skipped,
    ...unreadable.map(({ name, problem }) => ({ name, reason: problem ?? "cannot be read" })),
    ...packed.skipped,
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  return packedData("folder", options.side, folder.classes, pictures, skipped, copies);
}

/** Packs the generated set that lies in `folder`: decodes its files into the file `out`, in the order in which they were drawn. */
export async function packGenerated(
  set: GeneratedSet,
  folder: string,
  out: string,
  options: Omit<PackOptions, "onCorrupt">,
): Promise<PackedData> {
  const sources = set.pictures.map((picture) => ({ ...picture, path: `${folder}/${picture.name}`, hash: null }));
  const packed = await packPictures(sources, out, { ...options, onCorrupt: "fail" });
  const pictures = packed.pictures.map(
    ({ source: { name, label, split, labelled }, hash }): PackedPicture => ({ name, hash, label, split, labelled }),
  );
  return packedData("generated", options.side, set.classes, pictures, [], {
    files: 0,
    acrossSplits: 0,
    acrossClasses: 0,
  });
}

function packedData(
  source: DataMeta["source"],
  side: number,
  classes: readonly string[],
  pictures: PackedPicture[],
  skipped: SkippedFile[],
  copies: Copies,
): PackedData {
  const count = (split: Split) => pictures.filter((picture) => picture.split === split).length;
  return {
    index: { format: 1, side, classes: [...classes], pictures, skipped, copies },
    meta: {
      source,
      preprocessing: { size: side, ...decodingFacts },
      counts: {
        train: count("train"),
        validation: count("validation"),
        test: count("test"),
        labelled: pictures.filter(({ split, labelled }) => split === "train" && labelled).length,
        skipped: skipped.length,
        copies: copies.files,
        copiesAcrossSplits: copies.acrossSplits,
      },
      classes: [...classes],
    },
  };
}

function unreadableFile({ name, path, problem }: IdentifiedFile): CorruptPicture {
  return new CorruptPicture(`${name} ${problem}`, {
    path,
    remedy: "Give yourself the right to read it, or set data.folder.onCorrupt to skip.",
  });
}
