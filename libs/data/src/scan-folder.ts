import { openClassTars } from "./class-tars.ts";
import { FolderUnusable, TooFewPictures } from "./errors.ts";
import { checkClasses, type Layout, layoutOf } from "./folder-layout.ts";
import type { FolderContents, SourceKind } from "./found-file.ts";
import { type FoundEntries, type FoundEntry, pictureEndings, walkFolder } from "./walk-folder.ts";
import { scanShards } from "./web-dataset.ts";

/**
 * Finds the pictures of a folder, without decoding them, and recognises what it is by what lies in it: `<class>/...`,
 * `{train,val,test}/<class>/...`, or one flat folder; ImageNet's folders, where the validation pictures may be flat beside a list of their
 * classes; ImageNet's tar files; WebDataset shards. A class holds the pictures of the folders inside it, too; links are followed; hidden
 * files and folders are passed over.
 *
 * @throws FolderUnusable TooFewPictures OneClassOnly ClassesDiffer MixedLayout LabelsUnusable TarDamaged
 */
export async function scanFolder(folder: string): Promise<FolderContents> {
  const found = await walkFolder(folder);
  const opened = await openClassTars(found);
  if (found.files.length === 0 && found.tars.length > 0) return shards(folder, found);
  if (found.files.length < 2)
    throw tooFew(
      folder,
      found.files.map(({ name }) => name),
      found.others + found.tars.length,
    );
  if (opened.length > 0 && !found.files.some(({ name }) => !/(^|\/)val\//.test(name))) throw noTraining(folder, opened);
  const { unlabelled, fromList, ...layout } = await layoutOf(folder, found.files);
  return {
    root: folder,
    kind: opened.length > 0 ? tarKind(opened.map(({ name }) => name)) : folderKind(layout, fromList),
    ...layout,
    skipped: found.skipped,
    others: found.others + found.tars.length + unlabelled,
  };
}

async function shards(folder: string, found: FoundEntries): Promise<FolderContents> {
  const { files, classes, skipped, others } = await scanShards(folder, found.tars);
  const rest = found.others + others;
  if (files.length < 2)
    throw tooFew(
      folder,
      files.map(({ name }) => name),
      rest,
    );
  if (classes.length > 0) checkClasses(folder, classes, files);
  const splits = [...new Set(files.flatMap(({ split }) => split ?? []))];
  return {
    root: folder,
    kind: "WebDataset shards",
    classes,
    splits,
    prescribed: splits.length > 0 ? "names of the shards" : null,
    files,
    skipped: [...found.skipped, ...skipped],
    others: rest,
  };
}

function noTraining(folder: string, opened: readonly FoundEntry[]): FolderUnusable {
  const names = opened.map(({ name }) => name).join(", ");
  return new FolderUnusable(`${folder} holds ${names} and no pictures for training`, {
    path: folder,
    remedy: "Put ILSVRC2012_img_train.tar, or a folder train with class folders or class tars, beside it.",
  });
}

const tarKind = (opened: readonly string[]): SourceKind =>
  opened.some((name) => name.includes("ILSVRC2012_img_")) ? "ImageNet tar files" : "class tar files";

function folderKind({ classes, splits }: Pick<Layout, "classes" | "splits">, fromList: boolean): SourceKind {
  if (classes.length === 0) return "flat folder";
  if (splits.length === 0) return "class folders";
  return fromList || classes.every((name) => /^n\d{8}$/.test(name)) ? "ImageNet folders" : "class folders by split";
}

function tooFew(folder: string, files: readonly string[], others: number): TooFewPictures {
  const seen = files.length === 1 ? `one picture only, ${files[0]}` : "no pictures";
  const beside = others === 0 ? "" : ` (and ${others} other ${others === 1 ? "file" : "files"})`;
  return new TooFewPictures(`${folder} holds ${seen}${beside}`, {
    path: folder,
    remedy: `Give a folder with pictures (${pictureEndings.join(", ")}), or leave out --data to use generated ones.`,
  });
}
