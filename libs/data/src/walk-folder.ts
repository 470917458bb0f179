import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { FolderUnusable } from "./errors.ts";
import type { FileRange } from "./file-range.ts";
import type { SkippedFile } from "./pack-index.ts";

/** Endings of files that are taken for pictures, in any case; all others are passed over and counted. */
export const pictureEndings = ["jpg", "jpeg", "jfif", "png", "webp", "gif", "tif", "tiff", "avif"] as const;

/** A file by its place: on disk, or in a tar file. */
export interface FoundEntry extends FileRange {
  /** Path inside the folder, `/` between its parts; of a tar's member the path that it would have once unpacked. */
  readonly name: string;
}

/** What lies in a folder and the folders in it. */
export interface FoundEntries {
  /** Pictures, by their endings. */
  files: FoundEntry[];
  /** Tar files. */
  tars: FoundEntry[];
  /** Links that lead nowhere or back into a folder above. */
  readonly skipped: SkippedFile[];
  /** Files that are neither. */
  others: number;
}

/**
 * Finds pictures and tar files below a folder, sorted by name, without opening them; links are followed; hidden files and folders are
 * passed over.
 *
 * @throws FolderUnusable
 */
export async function walkFolder(folder: string): Promise<FoundEntries> {
  await checkFolder(folder);
  const found: FoundEntries = { files: [], tars: [], skipped: [], others: 0 };
  await walk(folder, "", [await realpath(folder)], found);
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  found.files.sort(byName);
  found.tars.sort(byName);
  found.skipped.sort(byName);
  return found;
}

/** Whether a name has a picture's ending and is not a hidden file's, such as macOS puts beside each file of a tar. */
export function isPicture(name: string): boolean {
  if (name.slice(name.lastIndexOf("/") + 1).startsWith(".")) return false;
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return (pictureEndings as readonly string[]).includes(ending);
}

async function checkFolder(folder: string): Promise<void> {
  const remedy = "Give the folder that holds the pictures, for example --data my-photos.";
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (cause) {
    throw unusable(folder, cause);
  }
  throw new FolderUnusable(`${folder} is a file, not a folder`, { path: folder, remedy });
}

function unusable(folder: string, cause: unknown): FolderUnusable {
  const { code } = cause as NodeJS.ErrnoException;
  const missing = code === "ENOENT" || code === "ENOTDIR";
  return new FolderUnusable(
    missing ? `there is no folder ${folder}` : `the folder ${folder} cannot be read (${code})`,
    {
      path: folder,
      remedy: missing ? "Check the name of the folder." : "Give yourself the right to read it and all folders in it.",
    },
    cause,
  );
}

/** Collects the files below `folder`. `above` are the real paths of the folders that led here: a link back to one has no end. */
async function walk(folder: string, prefix: string, above: readonly string[], found: FoundEntries): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw unusable(folder, cause);
  }
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    const name = prefix + entry.name;
    const kind = entry.isSymbolicLink() ? await linkTarget(path) : entry;
    if (kind === null) found.skipped.push({ name, reason: "is a link that leads nowhere" });
    else if (kind.isDirectory()) {
      const real = await realpath(path);
      if (above.includes(real)) found.skipped.push({ name, reason: "is a link to a folder above it" });
      else await walk(path, `${name}/`, [...above, real], found);
    } else if (kind.isFile() && isPicture(entry.name)) found.files.push({ name, path });
    else if (kind.isFile() && entry.name.endsWith(".tar")) found.tars.push({ name, path });
    else found.others++;
  }
}

const linkTarget = (path: string) => stat(path).catch(() => null);
