import { readdir } from "node:fs/promises";
import { StoreFormatError, StoreMissing, storeErrorOf } from "./errors.ts";
import { type FolderBackend, temporaryFolder } from "./folder-backend.ts";
import { encode, newerFormat, parseFile } from "./json-file.ts";
import { formatFile, storeFormat } from "./schemas.ts";

/**
 * Checks that a folder is a store of a format that this version knows, and with `create` that it can be written,
 * making it when the folder is new or empty.
 *
 * @throws StoreMissing StoreFormatError StoreNotWritable StoreFull StoreNotReadable
 */
export async function openFormat(backend: FolderBackend, create: boolean): Promise<void> {
  const path = backend.locate("FORMAT");
  const bytes = await backend.get("FORMAT");
  if (bytes !== null) {
    const { format } = parseFile(formatFile, bytes, path);
    if (format > storeFormat) throw newerFormat(path, format);
    if (create) await probe(backend);
    return;
  }
  const content = await contentOf(backend.root);
  if (content === null && !create) {
    throw new StoreMissing(`there is no store at ${backend.root}`, {
      path: backend.root,
      remedy: "Name the store with --store DIR; `./peco run` makes one.",
    });
  }
  const others = (content ?? []).filter((name) => name !== temporaryFolder);
  if (others.length > 0 || !create) {
    const holds =
      others.length > 0 ? `it holds ${others.slice(0, 3).join(", ")}${others.length > 3 ? ", …" : ""}` : "it is empty";
    throw others.length > 0
      ? new StoreFormatError(`${backend.root} is not a store: ${holds}, and no FORMAT file`, {
          path: backend.root,
          remedy: "Name a store, or a new or empty folder, with --store DIR.",
        })
      : new StoreMissing(`there is no store at ${backend.root}: ${holds}`, {
          path: backend.root,
          remedy: "Name the store with --store DIR; `./peco run` makes one.",
        });
  }
  await backend.putIfAbsent("FORMAT", encode({ format: storeFormat }));
}

/** A write that fails early rather than after minutes of training. */
async function probe(backend: FolderBackend): Promise<void> {
  const name = `${temporaryFolder}/probe-${process.pid}`;
  await backend.put(name, new Uint8Array(4096));
  await backend.delete(name);
}

/** What a folder holds; null when it does not exist. */
async function contentOf(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") {
      throw new StoreFormatError(`${folder} is a file, not a folder`, {
        path: folder,
        remedy: "Name a folder with --store DIR.",
      });
    }
    throw storeErrorOf(error, folder, "read");
  }
}
