import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { LabelsUnusable, MixedLayout } from "./errors.ts";
import type { FoundFile } from "./found-file.ts";
import { few } from "./ground-truth.ts";
import type { SkippedFile, Split } from "./pack-index.ts";
import { TarFile } from "./tar-file.ts";
import { type FoundEntry, isPicture } from "./walk-folder.ts";

/** A split in the name of a shard or of its folder: `train-000000.tar`, `imagenet-val-01.tar`, `test/0.tar`. */
const splitWord = /(?:^|[-_./])(train|val|valid|validation|test)(?=[-_./\d{]|$)/i;
const splitOf: Readonly<Record<string, Split>> = {
  train: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};
/** A file with one class name a line, whose number in the file is the label. */
const CLASS_NAMES = "classes.txt";
/** A label file of more bytes is none. */
const LARGEST_LABEL = 2 ** 20;

/** What WebDataset shards hold. */
export interface ShardContents {
  readonly files: FoundFile[];
  /** In the order of their labels; empty where there are none. */
  readonly classes: string[];
  readonly skipped: SkippedFile[];
  /** Members that are neither pictures nor labels. */
  readonly others: number;
}

/** The members of one sample: all that have its key, the name up to the first dot. */
interface Sample {
  readonly key: string;
  picture: FoundFile | null;
  label: string | null;
}

/**
 * Reads WebDataset shards: in each, members of one name (up to its first dot) are a sample, a picture with its label in `.cls` (a number
 * or a name) or `.json` (`{"label": ...}`). The split is in the shards' names; `classes.txt` beside them names the classes of numbers.
 *
 * @throws TarDamaged MixedLayout LabelsUnusable
 */
export async function scanShards(folder: string, tars: readonly FoundEntry[]): Promise<ShardContents> {
  const contents = { files: [] as FoundFile[], skipped: [] as SkippedFile[], others: 0 };
  const splits = tars.map(({ name }) => splitOf[splitWord.exec(name)?.[1]?.toLowerCase() ?? ""] ?? null);
  const without = tars.filter((_, at) => splits[at] === null);
  if (without.length > 0 && without.length < tars.length)
    throw new MixedLayout(
      `some shards have train, val or test in their names, and others do not, for example ${without[0]?.name}`,
      {
        path: folder,
        remedy: "Name all shards by their split, as train-000000.tar and val-000000.tar, or none.",
      },
    );
  const hasTest = splits.includes("test");
  for (const [at, tar] of tars.entries()) {
    // As with folders, the validation pictures are the test where there are no others.
    const split = splits[at] === "validation" && !hasTest ? "test" : (splits[at] as Split | null);
    await addShard(tar, split, contents);
  }
  const labelled = contents.files.filter(({ className }) => className !== null);
  if (labelled.length > 0 && labelled.length < contents.files.length) {
    const bare = contents.files.filter(({ className }) => className === null).map(({ name }) => name);
    throw labels(folder, `${bare.length} of ${contents.files.length} pictures have no label: ${few(bare)}`);
  }
  return named(folder, contents, await classNames(folder));
}

async function addShard(
  tar: FoundEntry,
  split: Split | null,
  contents: { files: FoundFile[]; others: number },
): Promise<void> {
  const samples = new Map<string, Sample>();
  let last = "";
  using file = new TarFile(tar.path);
  for await (const member of file.members()) {
    if (posix.basename(member.name).startsWith(".")) continue;
    const { key, ending } = keyOf(member.name);
    const sample = samples.get(key) ?? { key, picture: null, label: null };
    if (samples.has(key) && key !== last)
      throw labels(tar.path, `the key ${key} is there twice in ${tar.name}, with other samples between`);
    samples.set(key, sample);
    last = key;
    if (isPicture(member.name)) {
      if (sample.picture !== null) throw labels(tar.path, `the key ${key} has two pictures in ${tar.name}`);
      const range = { start: member.start, bytes: member.bytes };
      sample.picture = { name: `${tar.name}/${member.name}`, path: tar.path, range, className: null, split };
    } else if (ending === "cls" || ending === "json") {
      if (member.bytes > LARGEST_LABEL)
        throw labels(tar.path, `${member.name} in ${tar.name} has ${member.bytes} bytes`);
      const text = file.read(member.start, member.bytes).toString("utf8");
      sample.label ??= ending === "cls" ? text.trim() : jsonLabel(text, `${member.name} in ${tar.name}`, tar.path);
    } else contents.others++;
  }
  for (const { key, picture, label } of samples.values()) {
    if (label !== null && picture === null)
      throw labels(tar.path, `the sample ${key} in ${tar.name} has a label and no picture`);
    if (label === "") throw labels(tar.path, `the label of ${key} in ${tar.name} is empty`);
    if (picture !== null) contents.files.push({ ...picture, className: label });
  }
}

/** WebDataset's rule: the key is the path up to the first dot of the file's name. */
function keyOf(name: string): { key: string; ending: string } {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  if (dot < 0) return { key: name, ending: "" };
  return { key: name.slice(0, dot), ending: posix.extname(name).slice(1).toLowerCase() };
}

function jsonLabel(text: string, what: string, path: string): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw labels(path, `${what} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const label = typeof parsed === "object" && parsed !== null && "label" in parsed ? parsed.label : null;
  return typeof label === "number" || typeof label === "string" ? String(label).trim() : null;
}

/** Puts classes in the order of their labels, numbers by their value, and gives them their names. */
function named(
  folder: string,
  contents: Omit<ShardContents, "classes">,
  names: readonly string[] | null,
): ShardContents {
  const found = [...new Set(contents.files.flatMap(({ className }) => className ?? []))];
  const areNumbers = found.every((label) => /^\d{1,9}$/.test(label));
  found.sort(areNumbers ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
  if (names === null || !areNumbers) return { ...contents, classes: found };
  const beyond = found.find((label) => Number(label) >= names.length);
  if (beyond !== undefined)
    throw labels(
      join(folder, CLASS_NAMES),
      `there is a label ${beyond}, and ${CLASS_NAMES} names ${names.length} classes, from 0`,
      { remedy: NAMES_REMEDY },
    );
  const nameOf = (label: string) => names[Number(label)] as string;
  const files = contents.files.map((file) => ({ ...file, className: nameOf(file.className ?? "0") }));
  return { ...contents, files, classes: found.map(nameOf) };
}

async function classNames(folder: string): Promise<string[] | null> {
  const text = await readFile(join(folder, CLASS_NAMES), "utf8").catch(() => null);
  if (text === null) return null;
  const names = text
    .trim()
    .split("\n")
    .map((line) => line.trim());
  if (new Set(names).size !== names.length || names.includes(""))
    throw labels(join(folder, CLASS_NAMES), `${CLASS_NAMES} names a class twice, or has an empty line`, {
      remedy: NAMES_REMEDY,
    });
  return names;
}

const NAMES_REMEDY = `Write one class a line into ${CLASS_NAMES}, the first for label 0, or remove it: the numbers are then the names.`;
const SHARDS_REMEDY =
  "Write the shards anew: each sample is a picture and a .cls or .json file of the same name, side by side.";

function labels(
  path: string,
  problem: string,
  { remedy = SHARDS_REMEDY, cause }: { remedy?: string; cause?: unknown } = {},
): LabelsUnusable {
  return new LabelsUnusable(problem, { path, remedy }, cause);
}
