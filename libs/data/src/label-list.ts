import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import { LabelsUnusable } from "./errors.ts";
import { hashBytes } from "./file-range.ts";
import type { FoundFile } from "./found-file.ts";
import { few } from "./ground-truth.ts";

/** A list of the pictures whose labels may be used, as SimCLR publishes ImageNet's 1 % and 10 %. */
export interface LabelList {
  readonly path: string;
  /** SHA-256 of its bytes. */
  readonly hash: string;
  /** Names of pictures inside the folder. */
  readonly names: ReadonlySet<string>;
}

/**
 * Reads a list of pictures, one a line: a name inside the folder, with or without `train/` before it, or the last part of one, such as
 * `n01440764_10026.JPEG`.
 *
 * @throws LabelsUnusable when the file cannot be read, or names what is not there, is not for training, has no class, or is not the only
 * one of its name
 */
export async function readLabelList(path: string, files: readonly FoundFile[]): Promise<LabelList> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw unusable(path, `the list of labelled pictures ${path} cannot be read (${code})`, cause);
  });
  const lines = bytes
    .toString("utf8")
    .split("\n")
    .map((line) => line.trim());
  const wanted = lines.filter((line) => line !== "");
  if (wanted.length === 0) throw unusable(path, `the list of labelled pictures ${path} is empty`);
  const known = candidates(files);
  const [names, missing, several] = [new Set<string>(), [] as string[], [] as string[]];
  for (const line of wanted) {
    const name = known.get(line);
    if (name === undefined) missing.push(line);
    else if (name === null) several.push(line);
    else names.add(name);
  }
  if (missing.length > 0)
    throw unusable(
      path,
      `${path} names ${missing.length} of ${wanted.length} pictures that are not among those with a class for training: ${few(missing)}`,
    );
  if (several.length > 0)
    throw unusable(path, `${path} names ${several.length} pictures of which there are several: ${few(several)}`);
  return { path, hash: hashBytes(bytes), names };
}

/** What a line may say, and the picture that it means; null where it could be several. */
function candidates(files: readonly FoundFile[]): Map<string, string | null> {
  const known = new Map<string, string | null>();
  for (const { name, className, split } of files) {
    if (className === null || (split !== null && split !== "train")) continue;
    const inside = split === null ? name : name.slice(name.indexOf("/") + 1);
    for (const said of new Set([name, inside, posix.basename(name)])) known.set(said, known.has(said) ? null : name);
  }
  // A whole name is meant exactly, whatever else ends like it.
  for (const { name } of files) if (known.has(name)) known.set(name, name);
  return known;
}

function unusable(path: string, message: string, cause?: unknown): LabelsUnusable {
  const remedy =
    "Give a text file with one picture of the training set in each line, or set data.folder.labelsFile to null.";
  return new LabelsUnusable(message, { path, remedy }, cause);
}
