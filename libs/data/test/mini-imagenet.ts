import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { tarOf } from "./archives.ts";
import { photograph } from "./photographs.ts";

/** Five of ImageNet's classes, in the order of the ids of the devkit in `fixtures/meta.mat`. */
export const wnids = ["n02119789", "n02100735", "n01440764", "n02096294", "n01443537"] as const;

/** Files of a folder: names and bytes. */
export type Files = Record<string, Buffer | string>;

/** A small set in the form of ImageNet-1K: real JPEGs, 7 for training and 2 for validation of each class. */
export interface MiniImagenet {
  /** `train/<wnid>/<wnid>_<number>.JPEG`. */
  readonly train: Readonly<Record<string, Buffer>>;
  /** `ILSVRC2012_val_00000001.JPEG` and on. */
  readonly val: Readonly<Record<string, Buffer>>;
  /** The class of each validation picture. */
  readonly truth: readonly string[];
}

/** Draws the set; the same each time. */
export async function miniImagenet(): Promise<MiniImagenet> {
  const train: Record<string, Buffer> = {};
  for (const [at, wnid] of wnids.entries())
    for (let number = 0; number < 7; number++)
      train[`train/${wnid}/${wnid}_${100 + number}.JPEG`] = await photograph(100 * at + number);
  const val: Record<string, Buffer> = {};
  const truth: string[] = [];
  for (let at = 0; at < 10; at++) {
    truth.push(wnids[(at * 3) % 5] as string);
    val[`ILSVRC2012_val_${String(at + 1).padStart(8, "0")}.JPEG`] = await photograph(1000 + at);
  }
  return { train, val, truth };
}

const under = (folder: string, files: Readonly<Record<string, Buffer>>): Files =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${folder}/${name}`, bytes]));

/** `train/<wnid>/` and `val/<wnid>/`. */
export function asClassFolders({ train, val, truth }: MiniImagenet): Files {
  const placed = Object.entries(val).map(([name, bytes], at) => [`val/${truth[at]}/${name}`, bytes] as const);
  return { ...train, ...Object.fromEntries(placed) };
}

/** `train/<wnid>/` and flat `val/`, without what says its classes. */
export function withFlatVal({ train, val }: MiniImagenet): Files {
  return { ...train, ...under("val", val) };
}

/** The two tar files as they are distributed: a tar of class tars, and a flat one. */
export async function asTars({ train, val }: MiniImagenet): Promise<Files> {
  const classTars: Record<string, Buffer> = {};
  for (const wnid of [...wnids].sort()) {
    const own = Object.entries(train).filter(([name]) => name.includes(`/${wnid}/`));
    classTars[`${wnid}.tar`] = await tarOf(
      Object.fromEntries(own.map(([name, bytes]) => [name.split("/").at(-1) as string, bytes])),
    );
  }
  return { "ILSVRC2012_img_train.tar": await tarOf(classTars), "ILSVRC2012_img_val.tar": await tarOf(val) };
}

/** The devkit's two files that say the classes of the validation pictures, under a folder. */
export async function devkit(
  { truth }: Pick<MiniImagenet, "truth">,
  prefix = "ILSVRC2012_devkit_t12/data/",
): Promise<Files> {
  const ids = truth.map((wnid) => wnids.indexOf(wnid as (typeof wnids)[number]) + 1);
  return {
    [`${prefix}ILSVRC2012_validation_ground_truth.txt`]: `${ids.join("\n")}\n`,
    [`${prefix}meta.mat`]: await readFile(new URL("../fixtures/meta.mat", import.meta.url)),
  };
}

/** The devkit as it is distributed. */
export async function packedDevkit(set: Pick<MiniImagenet, "truth">): Promise<Files> {
  return {
    "ILSVRC2012_devkit_t12.tar.gz": gzipSync(
      await tarOf({ "ILSVRC2012_devkit_t12/readme.txt": "x", ...(await devkit(set)) }),
    ),
  };
}

/** WebDataset shards: training pictures with numbers in `.cls`, validation pictures with `.json`. */
export async function asShards({ train, val, truth }: MiniImagenet): Promise<Files> {
  const sorted = [...wnids].sort() as string[];
  const shards: [Record<string, Buffer | string>, Record<string, Buffer | string>] = [{}, {}];
  for (const [at, [name, bytes]] of Object.entries(train).entries()) {
    const [, wnid = "", file = ""] = name.split("/");
    const shard = shards[at % 2] as Record<string, Buffer | string>;
    shard[`${file.replace(".JPEG", "")}.jpg`] = bytes;
    shard[`${file.replace(".JPEG", "")}.cls`] = `${sorted.indexOf(wnid)}\n`;
  }
  const validation: Record<string, Buffer | string> = {};
  for (const [at, [name, bytes]] of Object.entries(val).entries()) {
    validation[name.replace(".JPEG", ".jpeg")] = bytes;
    validation[name.replace(".JPEG", ".json")] = JSON.stringify({ label: sorted.indexOf(truth[at] as string), at });
  }
  return {
    "train-000000.tar": await tarOf(shards[0]),
    "train-000001.tar": await tarOf(shards[1]),
    "val-000000.tar": await tarOf(validation),
  };
}
