import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClassesDiffer, FolderUnusable, MixedLayout, OneClassOnly, TooFewPictures } from "./errors.ts";
import type { SkippedFile, Split } from "./pack-index.ts";

/** Endings of files that are taken for pictures, in any case; all others are passed over and counted. */
export const pictureEndings = ["jpg", "jpeg", "jfif", "png", "webp", "gif", "tif", "tiff", "avif"] as const;

/** Folder names that prescribe a split. A validation folder without a test folder is the test, as ImageNet's is used. */
const splitFolders: Readonly<Record<string, "train" | "validation" | "test">> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};

/** A picture file as the folder presents it. */
export interface FoundFile {
  /** Path inside the folder, `/` between its parts. */
  readonly name: string;
  readonly path: string;
  /** Name of its class; null in a folder without classes. */
  readonly className: string | null;
  /** What the folder says it is for; null where it says nothing. */
  readonly split: Split | null;
}

/** What a folder of pictures holds. */
export interface FolderContents {
  readonly root: string;
  /** Sorted; empty where the folder has none. */
  readonly classes: readonly string[];
  /** Splits that the folder itself has. */
  readonly splits: readonly Split[];
  /** Sorted by name. */
  readonly files: readonly FoundFile[];
  /** Links that lead nowhere or back into a folder above. */
  readonly skipped: readonly SkippedFile[];
  /** Files whose ending is not one of a picture. */
  readonly others: number;
}

/**
 * Finds the pictures of `DIR/<class>/...`, of `DIR/{train,val,test}/<class>/...`, or of one flat folder, without opening them. A class
 * holds the pictures of the folders inside it, too; links are followed; hidden files and folders are passed over.
 *
 * @throws FolderUnusable TooFewPictures OneClassOnly ClassesDiffer MixedLayout
 */
export async function scanFolder(folder: string): Promise<FolderContents> {
  await checkFolder(folder);
  const found: Found = { files: [], skipped: [], others: 0 };
  await walk(folder, "", [await realpath(folder)], found);
  found.files.sort((a, b) => (a < b ? -1 : 1));
  found.skipped.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (found.files.length < 2) throw tooFew(folder, found);
  const layout = layoutOf(folder, found.files);
  return { root: folder, ...layout, skipped: found.skipped, others: found.others };
}

interface Found {
  readonly files: string[];
  readonly skipped: SkippedFile[];
  others: number;
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
async function walk(folder: string, prefix: string, above: readonly string[], found: Found): Promise<void> {
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
    } else if (kind.isFile() && isPicture(entry.name)) found.files.push(name);
    else found.others++;
  }
}

const linkTarget = (path: string) => stat(path).catch(() => null);

function isPicture(name: string): boolean {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return (pictureEndings as readonly string[]).includes(ending);
}

function tooFew(folder: string, { files, others }: Found): TooFewPictures {
  const seen = files.length === 1 ? `one picture only, ${files[0]}` : "no pictures";
  const beside = others === 0 ? "" : ` (and ${others} other ${others === 1 ? "file" : "files"})`;
  return new TooFewPictures(`${folder} holds ${seen}${beside}`, {
    path: folder,
    remedy: `Give a folder with pictures (${pictureEndings.join(", ")}), or leave out --data to use generated ones.`,
  });
}

function layoutOf(folder: string, names: readonly string[]): Pick<FolderContents, "classes" | "splits" | "files"> {
  const tops = new Set(names.map(firstPart));
  if (tops.has("")) {
    if (tops.size > 1) throw mixed(folder, names.find((name) => firstPart(name) === "") as string);
    return {
      classes: [],
      splits: [],
      files: names.map((name) => ({ name, path: join(folder, name), className: null, split: null })),
    };
  }
  const prescribed = [...tops].map((top) => splitFolders[(top as string).toLowerCase()]);
  const isSplit = tops.size > 1 && prescribed.includes("train") && !prescribed.includes(undefined);
  const files = names.map((name) => {
    const split = isSplit ? prescribedSplit(name, prescribed.includes("test")) : null;
    const inside = isSplit ? name.slice(name.indexOf("/") + 1) : name;
    const className = firstPart(inside);
    return { name, path: join(folder, name), className: className === "" ? null : className, split };
  });
  return { classes: classesOf(folder, files), splits: [...new Set(files.flatMap(({ split }) => split ?? []))], files };
}

/** The folder that a name starts with; empty for a file of the folder itself. */
function firstPart(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? "" : name.slice(0, slash);
}

function prescribedSplit(name: string, hasTest: boolean): Split {
  const split = splitFolders[firstPart(name).toLowerCase()] as Split;
  return split === "validation" && !hasTest ? "test" : split;
}

function classesOf(folder: string, files: readonly FoundFile[]): string[] {
  const classes = [...new Set(files.flatMap(({ className }) => className ?? []))].sort();
  if (classes.length === 0) return [];
  const beside = files.find(({ className }) => className === null);
  if (beside !== undefined) throw mixed(folder, beside.name);
  for (const split of new Set(files.map((file) => file.split))) {
    const here = new Set(files.flatMap((file) => (file.split === split ? (file.className ?? []) : [])));
    const lacking = classes.filter((name) => !here.has(name));
    if (lacking.length > 0) throw differ(folder, split as Split, lacking);
  }
  if (classes.length === 1) throw oneClass(folder, classes[0] as string);
  return classes;
}

function mixed(folder: string, beside: string): MixedLayout {
  return new MixedLayout(`${folder} has pictures beside its class folders, for example ${beside}`, {
    path: folder,
    remedy: "Put every picture into the folder of its class, or all pictures into one folder without others.",
  });
}

function oneClass(folder: string, name: string): OneClassOnly {
  return new OneClassOnly(`${folder} has one class only, ${name}`, {
    path: folder,
    remedy: `Add a folder for a second class, or train without classes with --data ${join(folder, name)}.`,
  });
}

function differ(folder: string, split: Split, lacking: readonly string[]): ClassesDiffer {
  const named = lacking.slice(0, 5).join(", ") + (lacking.length > 5 ? ` and ${lacking.length - 5} more` : "");
  return new ClassesDiffer(
    `in ${folder} the pictures for ${split} lack ${lacking.length === 1 ? "the class" : "the classes"} ${named}`,
    {
      path: folder,
      remedy: "Give every class a folder with pictures in each part of the split.",
    },
  );
}
