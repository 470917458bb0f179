import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { hashBytes, hashRange } from "./file-range.ts";
import type { FolderContents, FoundFile, SourceKind } from "./found-file.ts";
import { type LabelList, readLabelList } from "./label-list.ts";
import { scanFolder } from "./scan-folder.ts";

/** A file changed as lately as this before it was hashed may change again without its time changing. */
const RACY_MS = 2000;

const remembered = z.strictObject({
  format: z.literal(1),
  /** By path: size in bytes; times of the last change of contents and of anything, in nanoseconds; SHA-256. */
  files: z.record(z.string(), z.tuple([z.number(), z.string(), z.string()])),
});
type Remembered = z.infer<typeof remembered>;

/** A picture file, identified by its bytes; `hash` is null when it could not be read, and `problem` says why. */
export interface IdentifiedFile extends FoundFile {
  readonly hash: string | null;
  readonly problem?: string;
}

/** A folder of pictures with what identifies it. */
export interface IdentifiedFolder extends Omit<FolderContents, "files"> {
  readonly files: readonly IdentifiedFile[];
  /** The pictures whose labels may be used, where a list says so. */
  readonly labels: LabelList | null;
  /**
   * SHA-256 of all names and contents, of classes and split where they do not follow from the names, and of the list of labels: the same
   * pictures in the same places give the same digest, wherever the folder is.
   */
  readonly digest: string;
  /** Bytes of all files that could be read. */
  readonly bytes: number;
  /** Files whose bytes were read; those of which path, size and time of change were known were not. */
  readonly read: number;
}

/** How a folder is identified. */
export interface IdentifyOptions {
  /** List of the pictures whose labels may be used: `data.folder.labelsFile` of a recipe. */
  readonly labelsFile?: string | null;
  /** File that remembers hashes, or null for none. @default in the user's cache, one for each folder */
  readonly memory?: string | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Scans a folder and hashes its pictures, those that are new or changed only.
 *
 * @throws what {@link scanFolder} and {@link readLabelList} throw
 */
export async function identifyFolder(folder: string, options: IdentifyOptions = {}): Promise<IdentifiedFolder> {
  const contents = await scanFolder(folder);
  const { labelsFile = null } = options;
  const labels = labelsFile === null ? null : await readLabelList(labelsFile, contents.files);
  const statOf = statOnce();
  const memory = options.memory === undefined ? memoryFile(folder) : options.memory;
  const known = memory === null ? {} : await recall(memory);
  const now: Remembered["files"] = {};
  const files: IdentifiedFile[] = [];
  let read = 0;
  let bytes = 0;
  for (const file of contents.files) {
    options.signal?.throwIfAborted();
    try {
      const { size: whole, mtimeNs, ctimeNs, mtimeMs } = await statOf(file.path);
      const size = file.range === undefined ? whole : BigInt(file.range.bytes);
      const times = `${mtimeNs} ${ctimeNs}`;
      const before = known[file.name];
      const same = before !== undefined && BigInt(before[0]) === size && before[1] === times;
      const hash = same ? before[2] : await hashRange(file);
      if (!same) read++;
      if (same || Date.now() - Number(mtimeMs) > RACY_MS) now[file.name] = [Number(size), times, hash];
      bytes += Number(size);
      files.push({ ...file, hash });
    } catch (cause) {
      files.push({
        ...file,
        hash: null,
        problem: `cannot be read (${(cause as NodeJS.ErrnoException).code ?? cause})`,
      });
    }
    options.onProgress?.(files.length, contents.files.length);
  }
  if (memory !== null && (read > 0 || Object.keys(known).length !== files.length)) await remember(memory, now);
  return { ...contents, files, labels, digest: digestOf(contents.kind, files, labels), bytes, read };
}

/** Sources in which a picture's name says its class and its split. */
const namesSayAll: readonly SourceKind[] = ["flat folder", "class folders", "class folders by split"];

function digestOf(kind: SourceKind, files: readonly IdentifiedFile[], labels: LabelList | null): string {
  const digest = createHash("sha256");
  for (const { name, hash, className, split } of files) {
    digest.update(`${JSON.stringify(name)} ${hash ?? "unreadable"}`);
    digest.update(namesSayAll.includes(kind) ? "\n" : ` ${JSON.stringify([className, split])}\n`);
  }
  if (labels !== null) digest.update(`labels ${labels.hash}\n`);
  return digest.digest("hex");
}

/** Asks for a file's size and times once, however many members of a tar file it holds. */
function statOnce(): (path: string) => Promise<BigIntStats> {
  let last: { path: string; stat: Promise<BigIntStats> } | null = null;
  return (path) => {
    if (last?.path !== path) last = { path, stat: stat(path, { bigint: true }) };
    return last.stat;
  };
}

/** One file for each folder, in the user's cache. */
function memoryFile(folder: string): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "peco", "pictures", `${hashBytes(Buffer.from(resolve(folder)))}.json`);
}

async function recall(path: string): Promise<Remembered["files"]> {
  try {
    return remembered.parse(JSON.parse(await readFile(path, "utf8"))).files;
  } catch {
    return {}; // none, an older one or a damaged one: everything is read again
  }
}

/** Keeps what was found, if that is possible; it only saves time. */
async function remember(path: string, files: Remembered["files"]): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, JSON.stringify({ format: 1, files } satisfies Remembered));
    await rename(part, path);
  } catch {
    return;
  }
}
