import { posix } from "node:path";
import { TooFewPictures } from "./errors.ts";
import { TarFile, type TarMember } from "./tar-file.ts";
import { type FoundEntries, type FoundEntry, isPicture } from "./walk-folder.ts";

/** ImageNet's archives as they are distributed: a tar of class tars, and a tar of pictures. */
const imagenetTar = /^ILSVRC2012_img_(train|val)\.tar$/;
/** The tar of one of ImageNet's classes, named by its WordNet id. */
const classTar = /^n\d{8}\.tar$/;

/**
 * Puts the members of ImageNet's tar files in the place of the tars, under the names that they have once unpacked:
 * `train/n01440764/n01440764_10026.JPEG`, `val/ILSVRC2012_val_00000001.JPEG`; class tars that lie in a folder become class folders there.
 *
 * @returns the tars that were opened; the others stay in `tars`
 * @throws TarDamaged, and TooFewPictures for a class tar without pictures
 */
export async function openClassTars(found: FoundEntries): Promise<FoundEntry[]> {
  const opened: FoundEntry[] = [];
  const left: FoundEntry[] = [];
  for (const entry of found.tars) {
    const base = posix.basename(entry.name);
    const folder = posix.dirname(entry.name) === "." ? "" : `${posix.dirname(entry.name)}/`;
    const part = imagenetTar.exec(base)?.[1];
    if (part === undefined && !classTar.test(base)) {
      left.push(entry);
      continue;
    }
    opened.push(entry);
    using tar = new TarFile(entry.path);
    if (part === "train") await addClassTars(tar, `${folder}train/`, found);
    else if (part === "val") await addPictures(tar, undefined, `${folder}val/`, found);
    else await addClass(tar, undefined, base, folder, found);
  }
  found.tars = left;
  if (opened.length > 0) found.files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return opened;
}

async function addClassTars(tar: TarFile, prefix: string, found: FoundEntries): Promise<void> {
  for await (const member of tar.members()) {
    if (member.name.endsWith(".tar")) await addClass(tar, member, posix.basename(member.name), prefix, found);
    else found.others++;
  }
}

async function addClass(
  tar: TarFile,
  member: TarMember | undefined,
  base: string,
  prefix: string,
  found: FoundEntries,
): Promise<void> {
  const pictures = await addPictures(tar, member, `${prefix}${base.slice(0, -".tar".length)}/`, found);
  if (pictures > 0) return;
  throw new TooFewPictures(`${member === undefined ? tar.path : `${base} in ${tar.path}`} has no pictures`, {
    path: tar.path,
    remedy: "Fetch the file again; each class has a tar with its pictures.",
  });
}

async function addPictures(
  tar: TarFile,
  inner: TarMember | undefined,
  prefix: string,
  found: FoundEntries,
): Promise<number> {
  let pictures = 0;
  for await (const { name, start, bytes } of tar.members(inner)) {
    if (isPicture(name)) {
      found.files.push({ name: prefix + posix.basename(name), path: tar.path, range: { start, bytes } });
      pictures++;
    } else found.others++;
  }
  return pictures;
}
