import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { gunzipSync } from "node:zlib";
import tar from "tar-stream";
import { LabelsUnusable } from "./errors.ts";
import { matlabRecords } from "./matlab-file.ts";

/** ImageNet's development kit of 2012 for classification, as it is called unpacked. */
const DEVKIT = "ILSVRC2012_devkit_t12";
const IDS = "ILSVRC2012_validation_ground_truth.txt";
const META = "meta.mat";
/** One class a line, in the order of the pictures' names, as TensorFlow's scripts have it. */
const SYNSETS = "imagenet_2012_validation_synset_labels.txt";
/** Picture and class in each line, as Kaggle has it. */
const SOLUTION = "LOC_val_solution.csv";
/** The devkit has 2.5 MB. */
const LARGEST_DEVKIT = 64 * 2 ** 20;

/** What says the classes of pictures that do not lie in class folders. */
export interface GroundTruth {
  /** Name of the file inside the folder. */
  readonly source: string;
  /** The class of each picture, in the order of `names`, which is sorted. @throws LabelsUnusable */
  classesOf(names: readonly string[]): string[];
}

/** What a user can put beside `train` and `val` to say the classes of flat validation pictures. */
export const groundTruthRemedy = `Put ${DEVKIT}.tar.gz (or what is in it), ${SOLUTION} or ${SYNSETS} into the folder, or sort the pictures into class folders.`;

/**
 * Looks in a folder for what says the classes of ImageNet's validation pictures: the devkit, packed or unpacked, Kaggle's
 * `LOC_val_solution.csv`, or a list of synsets; null when there is none.
 *
 * @throws LabelsUnusable when a file is there and cannot be understood
 */
export async function findGroundTruth(folder: string): Promise<GroundTruth | null> {
  for (const within of [`${DEVKIT}/data`, "devkit/data", "data", ""]) {
    const ids = await textAt(join(folder, within, IDS));
    if (ids === null) continue;
    const meta = await bytesAt(join(folder, within, META));
    const path = join(folder, within, META);
    if (meta === null)
      throw unusable(`${posix.join(within, IDS)} names classes by number, and ${path} is not there`, path);
    return byNumber(posix.join(within, IDS), ids, meta, path);
  }
  for (const name of [`${DEVKIT}.tar.gz`, `${DEVKIT}.tgz`, `${DEVKIT}.tar`]) {
    const packed = await bytesAt(join(folder, name));
    if (packed !== null) return fromDevkit(name, packed, join(folder, name));
  }
  const solution = await textAt(join(folder, SOLUTION));
  if (solution !== null) return byName(solution, join(folder, SOLUTION));
  const synsets = await textAt(join(folder, SYNSETS));
  return synsets === null ? null : inOrder(SYNSETS, lines(synsets), join(folder, SYNSETS));
}

async function fromDevkit(name: string, packed: Uint8Array, path: string): Promise<GroundTruth> {
  const parts = new Map<string, Buffer>();
  try {
    const extract = tar.extract();
    extract.end(name.endsWith(".tar") ? packed : gunzipSync(packed, { maxOutputLength: LARGEST_DEVKIT }));
    for await (const entry of extract) {
      const base = posix.basename(entry.header.name);
      const pieces: Uint8Array[] = [];
      for await (const piece of entry) if (base === IDS || base === META) pieces.push(piece);
      if (base === IDS || base === META) parts.set(base, Buffer.concat(pieces));
    }
  } catch (cause) {
    throw unusable(`${path} cannot be unpacked: ${(cause as Error).message}`, path, cause);
  }
  const [ids, meta] = [parts.get(IDS), parts.get(META)];
  if (ids === undefined || meta === undefined)
    throw unusable(`${path} does not hold ${ids === undefined ? IDS : META}`, path);
  return byNumber(name, ids.toString("utf8"), meta, path);
}

/** The devkit's: a number for each picture, which `meta.mat` gives a class. */
function byNumber(source: string, text: string, meta: Uint8Array, path: string): GroundTruth {
  const classes = new Map<number, string>();
  try {
    for (const { ILSVRC2012_ID: id, WNID: name, num_children: children } of matlabRecords(meta, "synsets"))
      if (typeof id === "number" && typeof name === "string" && children === 0) classes.set(id, name);
  } catch (cause) {
    throw unusable(`${path}: meta.mat ${(cause as Error).message}`, path, cause);
  }
  const named = lines(text).map((line, at) => {
    const name = /^\d+$/.test(line) ? classes.get(Number(line)) : undefined;
    if (name === undefined)
      throw unusable(
        `line ${at + 1} of ${source} says class "${line.slice(0, 40)}", and meta.mat has ${classes.size} classes`,
        path,
      );
    return name;
  });
  return inOrder(source, named, path);
}

function inOrder(source: string, classes: readonly string[], path: string): GroundTruth {
  return {
    source,
    classesOf: (names) => {
      if (names.length !== classes.length)
        throw unusable(
          `there are ${names.length} validation pictures, and ${source} has ${classes.length} lines`,
          path,
        );
      return [...classes];
    },
  };
}

/** Kaggle's: `ILSVRC2012_val_00048981,n03995372 85 1 499 272 ...`, after a heading. */
function byName(text: string, path: string): GroundTruth {
  const classes = new Map<string, string>();
  for (const line of lines(text).slice(1)) {
    const [name = "", prediction = ""] = line.split(",");
    classes.set(name, prediction.trim().split(" ")[0] ?? "");
  }
  return {
    source: SOLUTION,
    classesOf: (names) => {
      const missing = names.filter((name) => !classes.get(posix.parse(name).name));
      if (missing.length > 0)
        throw unusable(`${SOLUTION} does not name ${missing.length} of the validation pictures: ${few(missing)}`, path);
      if (names.length !== classes.size)
        throw unusable(`there are ${names.length} validation pictures, and ${SOLUTION} names ${classes.size}`, path);
      return names.map((name) => classes.get(posix.parse(name).name) as string);
    },
  };
}

/** The first few of a list, and how many more there are. */
export function few(names: readonly string[], count = 3): string {
  const more = names.length > count ? ` and ${names.length - count} more` : "";
  return names.slice(0, count).join(", ") + more;
}

/** Lines without what is around them, up to the last one that is not empty. */
const lines = (text: string): string[] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim());

async function bytesAt(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unusable(`${path} cannot be read (${code})`, path, cause);
  }
}

const textAt = async (path: string): Promise<string | null> => (await bytesAt(path))?.toString("utf8") ?? null;

function unusable(message: string, path: string, cause?: unknown): LabelsUnusable {
  return new LabelsUnusable(message, { path, remedy: groundTruthRemedy }, cause);
}
