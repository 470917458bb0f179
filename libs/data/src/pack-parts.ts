import { statSync } from "node:fs";
import { CorruptPack } from "./errors.ts";
import { type PackIndex, packIndex, shardName } from "./pack-index.ts";
import { PictureFile } from "./picture-file.ts";
import type { PictureSpec } from "./picture-reader.ts";
import { PictureTable } from "./picture-table.ts";

/** Where a pack's parts are. */
export interface PackParts {
  /** The bytes, or the parsed JSON, of `index.json`. */
  readonly index: Uint8Array | PackIndex;
  /** File with the bytes of `pictures.u8`, of a pack of pixels. */
  readonly pictures?: string;
  /** Files with the bytes of `pictures-00000.bin` and so on, of a pack of picture files. */
  readonly shards?: readonly string[];
  /** The bytes of `pictures.table`, of a pack of picture files. */
  readonly table?: Uint8Array;
}

/** A store of artifacts, as far as packs are read from it. */
export interface PackStore {
  manifest(digest: string): Promise<{ readonly blobs: Readonly<Record<string, { readonly digest: string }>> }>;
  artifactBlob(digest: string, name: string): Promise<Uint8Array>;
  /** A file with a blob's bytes; `check: false` where the reader checks what it reads itself. */
  blobFile(digest: string, options?: { readonly check?: boolean }): Promise<string>;
}

/**
 * The parts of a `data` artifact. Pixels are checked against their digest here, which takes one reading; picture files are checked one by
 * one when they are drawn, since reading all of a large set would take minutes.
 *
 * @throws what the store throws for blobs that are missing or damaged
 */
export async function packParts(store: PackStore, digest: string): Promise<PackParts> {
  const { blobs } = await store.manifest(digest);
  const index = await store.artifactBlob(digest, "index.json");
  const file = (name: string, check: boolean) => store.blobFile(blobs[name]?.digest ?? "", { check });
  if (blobs["pictures.table"] === undefined) return { index, pictures: await file("pictures.u8", true) };
  const shards: string[] = [];
  while (blobs[shardName(shards.length)] !== undefined) shards.push(await file(shardName(shards.length), false));
  return { index, shards, table: await store.artifactBlob(digest, "pictures.table") };
}

/** A pack as it is worked with. */
export interface Pack {
  readonly index: PackIndex;
  readonly table: PictureTable;
  readonly spec: PictureSpec;
}

/** Reads and checks the small parts of a pack. @throws CorruptPack when they are not whole or do not belong together */
export function readPack(parts: PackParts): Pack {
  const index = parseIndex(parts.index);
  if ("form" in index) return encodedPack(index, parts);
  const path = parts.pictures ?? "pictures.u8";
  const file = new PictureFile(path, index.side);
  file.close();
  if (file.count !== index.pictures.length)
    throw corrupt(`${path} holds ${file.count} pictures and its index ${index.pictures.length}`, path);
  return { index, table: PictureTable.of(index.pictures), spec: { form: "decoded", path, side: index.side } };
}

function encodedPack(index: Extract<PackIndex, { form: "encoded" }>, parts: PackParts): Pack {
  const { shards: paths = [], table: bytes = new Uint8Array() } = parts;
  if (paths.length !== index.shards.length)
    throw corrupt(`there are ${paths.length} files of pictures, and the index names ${index.shards.length}`);
  const shards = index.shards.map(({ bytes: size }, at) => ({ path: paths[at] as string, bytes: size }));
  for (const { path, bytes: size } of shards) {
    const found = statSync(path, { throwIfNoEntry: false })?.size;
    if (found !== size)
      throw corrupt(`${path} ${found === undefined ? "is not there" : `has ${found} bytes, not ${size}`}`, path);
  }
  const table = PictureTable.parse(bytes, { count: index.count, classes: index.classes.length, shards });
  return { index, table, spec: { form: "encoded", shards, columns: table.columns } };
}

function parseIndex(index: Uint8Array | PackIndex): PackIndex {
  try {
    return packIndex.parse(index instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(index)) : index);
  } catch (cause) {
    throw corrupt(`the index of packed pictures cannot be read: ${(cause as Error).message}`, undefined, cause);
  }
}

function corrupt(message: string, path?: string, cause?: unknown): CorruptPack {
  const remedy = "Start `./peco run` again: packed pictures that are not whole are made anew.";
  return new CorruptPack(message, path === undefined ? { remedy } : { path, remedy }, cause);
}
