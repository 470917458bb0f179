import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import {
  centerCrop,
  decodePicture,
  decodeWhole,
  FolderUnusable,
  type Picture,
  pictureEndings,
  resizeShorterSide,
  TooFewPictures,
  UndecodablePicture,
} from "@peco/data";
import type { PictureView } from "./network.ts";

/** A picture file of a folder. */
export interface PictureName {
  /** Path inside the folder, `/` between its parts. */
  readonly name: string;
  readonly path: string;
}

/**
 * The pictures of a folder and of those inside it, hidden ones left out, sorted by name as Python sorts (by code point).
 *
 * @throws FolderUnusable TooFewPictures
 */
export async function listPictures(folder: string): Promise<PictureName[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new FolderUnusable(
        cause.code === "ENOENT"
          ? `there is no folder ${folder}`
          : `${folder} cannot be read as a folder (${cause.code})`,
        { path: folder, remedy: "Give the folder that holds the pictures." },
        cause,
      );
    },
  );
  const names = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && isPicture(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")));
  if (names.length === 0) {
    throw new TooFewPictures(`${folder} holds no pictures`, {
      path: folder,
      remedy: `Give a folder with pictures (${pictureEndings.join(", ")}).`,
    });
  }
  // UTF-8 keeps the order of code points, which JavaScript's own comparison does not beyond U+FFFF.
  const keyed = names.map((name) => ({ name, key: Buffer.from(name) }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return keyed.map(({ name }) => ({ name, path: join(folder, name) }));
}

function isPicture(name: string): boolean {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return (pictureEndings as readonly string[]).includes(ending);
}

/**
 * A file as a network's picture, `uint8 [size, size, 3]`.
 *
 * @param resize false: the file has to have the size already
 * @throws UndecodablePicture when it is no whole picture, or has another size
 */
export async function readPicture(path: string, view: PictureView, resize: boolean): Promise<Uint8Array> {
  const file = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UndecodablePicture(`cannot be read (${cause.code})`, { cause });
  });
  const { size } = view;
  if (!resize) {
    const { data, height, width } = await decodeWhole(file);
    if (height === size && width === size) return data;
    throw new UndecodablePicture(`has ${width} x ${height} pixels and not ${size} x ${size}`);
  }
  const picture = middleOf(await decodeFor(file, view), view.middle);
  const out = new Uint8Array(size * size * 3);
  centerCrop(resizeShorterSide(picture, view.resize, view.filter), out, size);
  return out;
}

/** The middle square of a picture, of `middle` pixels or of its shorter side where it has fewer. */
function middleOf(picture: Picture, middle: number | null): Picture {
  if (middle === null) return picture;
  const side = Math.min(middle, picture.height, picture.width);
  const data = new Uint8Array(side * side * 3);
  centerCrop(picture, data, side);
  return { data, height: side, width: side };
}

async function decodeFor(file: Uint8Array, { pack }: PictureView): Promise<Picture> {
  if (pack === null) return decodeWhole(file);
  return { data: await decodePicture(file, pack), height: pack, width: pack };
}
