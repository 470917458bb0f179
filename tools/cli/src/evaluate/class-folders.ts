import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FolderUnusable, LabelsUnusable } from "@peco/data";
import { listPictures, type PictureName } from "../networks/pictures.ts";

/** A picture of a class folder. */
export interface LabelledPicture extends PictureName {
  /** Number of its class among the network's outputs. */
  readonly label: number;
}

/** The names of the folders inside a folder, sorted. @throws FolderUnusable */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new FolderUnusable(
      `${folder} cannot be read as a folder (${cause.code})`,
      { path: folder, remedy: "Give the folder that holds the set." },
      cause,
    );
  });
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
}

/**
 * The pictures of a folder of class folders, whose names (ImageNet's are wnids) are looked up among a network's classes.
 *
 * @param all whether every class of the network has to have a folder
 * @throws LabelsUnusable that names folders which are no class, or classes without a folder
 */
export async function classPictures(
  folder: string,
  classes: readonly string[],
  { all }: { all: boolean },
): Promise<{ pictures: LabelledPicture[]; present: number[] }> {
  const names = await foldersIn(folder);
  if (names.length === 0) {
    throw new FolderUnusable(`${folder} holds no class folders`, {
      path: folder,
      remedy: "Give the folder that holds them.",
    });
  }
  const places = new Map(classes.map((name, place) => [name, place]));
  refuse(
    folder,
    "is no class of the network",
    "are no classes of the network",
    names.filter((name) => !places.has(name)),
  );
  const present = names.map((name) => places.get(name) as number);
  if (all) {
    const known = new Set(names);
    refuse(
      folder,
      "is missing",
      "are missing",
      classes.filter((name) => !known.has(name)),
    );
  }
  const pictures = [];
  for (const [i, name] of names.entries()) {
    for (const picture of await listPictures(join(folder, name)))
      pictures.push({ ...picture, name: `${name}/${picture.name}`, label: present[i] as number });
  }
  return { pictures, present };
}

function refuse(folder: string, one: string, many: string, names: readonly string[]): void {
  if (names.length === 0) return;
  const shown = `${names.slice(0, 8).join(", ")}${names.length > 8 ? `, and ${names.length - 8} more` : ""}`;
  throw new LabelsUnusable(`${basename(folder)}: ${shown} ${names.length === 1 ? one : many}`, {
    path: folder,
    remedy:
      "The names of the class folders have to be those that the network was trained with; --classes FILE names a model's outputs.",
  });
}
