import { type FileHandle, open } from "node:fs/promises";
import type { HostArray } from "./host-array.ts";
import { headerSpan, hostArrayOf, parseHeader, type SafetensorsContent, SafetensorsError } from "./safetensors.ts";

/** Read at a time; one call of the operating system takes less than 2 GiB. */
const PIECE = 2 ** 30;

/**
 * Reads a safetensors file tensor by tensor, so that a model of several gigabytes takes its own size in memory and no more. The header
 * is checked against the file's size before anything large is read. Dtypes become those of `decodeSafetensors`.
 *
 * @throws SafetensorsError when the file cannot be read, is cut off, or its header does not fit it; it names the file
 */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const { start, length } = headerSpan(await readAt(file, 0, Math.min(8, size)), size);
    const { entries, metadata } = parseHeader(await readAt(file, start, length), size - start - length);
    const tensors: [name: string, array: HostArray][] = [];
    for (const entry of entries) {
      const bytes = await readAt(file, start + length + entry.begin, entry.end - entry.begin);
      tensors.push([entry.name, hostArrayOf(entry, bytes)]);
    }
    return { tensors: Object.fromEntries(tensors), metadata };
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(error.message, { path, cause: error });
    throw unreadable(path, error);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): SafetensorsError {
  const { code } = cause as NodeJS.ErrnoException;
  const missing = code === "ENOENT";
  return new SafetensorsError(missing ? "there is no such file" : `it cannot be read (${code ?? String(cause)})`, {
    path,
    remedy: missing ? "Check the name of the file." : "Give a file that you may read.",
    cause,
  });
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(PIECE, length - at), position + at);
    if (bytesRead === 0) throw new SafetensorsError(`the file ends at ${position + at}, while it is read`);
    at += bytesRead;
  }
  return bytes;
}
