import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, link, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Body } from "./backend.ts";

/** Makes a folder and the ones above it, each lasting once this returns. */
export async function ensureFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true }).catch(async (error: NodeJS.ErrnoException) => {
    // Node says "no such file" for a file system that is read-only; the plain call says why
    if (error.code === "ENOENT") await mkdir(folder);
    throw error;
  });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes the names in a folder last: without it a rename can be forgotten when the power fails. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A whole, fsynced file under a name that nobody looks at, with its content's SHA-256. */
export interface TemporaryFile {
  readonly path: string;
  readonly digest: string;
  readonly bytes: number;
}

/** Writes a temporary file to the folder `temporary`; on failure nothing of it is left. */
export async function writeTemporary(temporary: string, body: Body): Promise<TemporaryFile> {
  await ensureFolder(temporary);
  const path = join(temporary, randomUUID());
  const hash = createHash("sha256");
  let bytes = 0;
  const handle = await open(path, "wx");
  try {
    for await (const piece of body instanceof Uint8Array ? [body] : body) {
      hash.update(piece);
      bytes += piece.length;
      await writeAll(handle, piece);
    }
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return { path, digest: hash.digest("hex"), bytes };
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length; ) at += (await handle.write(piece, at)).bytesWritten;
}

/** Gives a temporary file its name, replacing what has it. */
export async function moveInto(temporary: string, path: string): Promise<void> {
  await ensureFolder(dirname(path));
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Gives a temporary file its name unless that is taken; says whether it did. The temporary name is gone either way. */
export async function linkInto(temporary: string, path: string): Promise<boolean> {
  try {
    for (;;) {
      await ensureFolder(dirname(path));
      const code = await link(temporary, path).then(() => null, codeOf);
      // someone took the emptied folder away in between
      if (code === "ENOENT") continue;
      if (code === null) await syncFolder(dirname(path));
      return code === null;
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

function codeOf(error: NodeJS.ErrnoException): "EEXIST" | "ENOENT" {
  if (error.code === "EEXIST" || error.code === "ENOENT") return error.code;
  throw error;
}
