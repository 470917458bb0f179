import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type Dataset,
  decodeWhole,
  type FolderPreview,
  identifyFolder,
  openPack,
  type PackSummary,
  type Picture,
  type PictureTable,
  pictureSize,
  previewFolder,
  readRange,
  spread,
  summarisePack,
  UndecodablePicture,
} from "@peco/data";
import { loadRecipe } from "@peco/recipes";
import { openStore, resolveArtifact } from "../open-store.ts";
import type { Display } from "../run/display.ts";
import { UsageError } from "../usage-error.ts";
import { timedProgress } from "./timed-progress.ts";

/** Pictures of a folder whose sizes are read: enough for a median, and done in seconds for a million. */
const SIZED = 1000;

/** Pictures to look at: packed ones, or those of a folder. */
export interface OpenedPictures extends AsyncDisposable {
  /** Digest of the artifact; null for a folder. */
  readonly artifact: string | null;
  readonly folder: string | null;
  /** What identifies the folder. */
  readonly digest: string | null;
  readonly classes: number;
  readonly table: PictureTable;
  readonly summary: PackSummary;
  /** The picture at a place; null where a folder's file cannot be decoded. */
  picture(place: number): Promise<Picture | null>;
}

/** Opens what a word of the command line names: a folder, or an artifact of a store. */
export async function openPictures(
  what: string,
  options: { readonly store?: string; readonly recipe: string; readonly set?: string[] },
  display: Display,
): Promise<OpenedPictures> {
  const isFolder = await stat(what).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? openFolder(resolve(what), options, display) : openArtifact(what, options.store);
}

async function openArtifact(what: string, storeOption: string | undefined): Promise<OpenedPictures> {
  const { data, artifact } = await openData(what, storeOption);
  return {
    artifact,
    folder: null,
    digest: null,
    classes: data.classes,
    table: data.pictures,
    summary: summarisePack(data.index, data.pictures),
    picture: (place) => data.picture(place),
    [Symbol.asyncDispose]: () => data.close(),
  };
}

/** Opens the artifact of packed pictures that a digest, or its beginning, names. @throws UsageError for another kind */
export async function openData(
  what: string,
  storeOption: string | undefined,
): Promise<{ data: Dataset; artifact: string }> {
  const store = await openStore(storeOption);
  const artifact = await dataArtifact(what, storeOption);
  return { data: await openPack(store, artifact), artifact };
}

/** The digest of an artifact of packed pictures. @throws UsageError for another kind */
export async function dataArtifact(what: string, storeOption: string | undefined): Promise<string> {
  const store = await openStore(storeOption);
  const artifact = await resolveArtifact(store, what);
  const { kind } = await store.manifest(artifact);
  if (kind === "data") return artifact;
  throw new UsageError(
    `${artifact.slice(0, 12)} holds no pictures: it is a ${kind}`,
    "`./peco artifacts ls` lists the artifacts there are; those of the kind data hold pictures.",
  );
}

async function openFolder(
  folder: string,
  { recipe: name, set }: { readonly recipe: string; readonly set?: string[] },
  display: Display,
): Promise<OpenedPictures> {
  const { recipe } = loadRecipe(name, { source: "folder", ...(set !== undefined && { sets: set }) });
  const { labelsFile } = recipe.data.folder;
  const identified = await identifyFolder(folder, { labelsFile, onProgress: timedProgress(display, "reading") });
  const preview = previewFolder(identified, recipe.data.folder);
  const summary = { ...summarisePack(preview.index, preview.table), sizes: await someSizes(preview) };
  return {
    artifact: null,
    folder,
    digest: identified.digest,
    classes: preview.index.classes.length,
    table: preview.table,
    summary,
    picture: async (place) => decoded(await readRange(fileAt(preview, place))),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function decoded(file: Uint8Array): Promise<Picture | null> {
  try {
    return await decodeWhole(file);
  } catch (error) {
    if (error instanceof UndecodablePicture) return null;
    throw error;
  }
}

const fileAt = ({ files }: FolderPreview, place: number) => files[place] as FolderPreview["files"][number];

/** Sizes of evenly chosen pictures; what cannot be decoded is found when the folder is packed. */
async function someSizes({ files }: FolderPreview): Promise<NonNullable<PackSummary["sizes"]>> {
  const every = Math.max(1, Math.ceil(files.length / SIZED));
  const sizes: { height: number; width: number; bytes: number }[] = [];
  for (let at = 0; at < files.length; at += every) {
    const file = await readRange(files[at] as FolderPreview["files"][number]);
    const size = await pictureSize(file).catch(() => null);
    if (size !== null) sizes.push({ ...size, bytes: file.length });
  }
  const of = (key: "height" | "width" | "bytes") => spread(sizes.map((size) => size[key]));
  return { height: of("height"), width: of("width"), bytes: of("bytes") };
}
