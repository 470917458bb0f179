import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";

/** Bytes of a file: all of it, or a part, as a member of a tar file is. */
export interface FileRange {
  readonly path: string;
  /** First byte and number of bytes; undefined: the whole file. */
  readonly range?: { readonly start: number; readonly bytes: number } | undefined;
}

const PIECE = 4 * 2 ** 20;

/** Number of bytes. @throws as `stat` */
export async function rangeBytes({ path, range }: FileRange): Promise<number> {
  return range?.bytes ?? (await stat(path)).size;
}

/** All the bytes. @throws as `open` and `read`, and Error when the file ends before the range does */
export async function readRange({ path, range }: FileRange): Promise<Uint8Array> {
  if (range === undefined) return readFile(path);
  await using file = await open(path);
  return readBytes(file, range.start, range.bytes);
}

/** `length` bytes of an open file from `start`. @throws Error when it ends before */
export async function readBytes(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${start + done}`);
    done += bytesRead;
  }
  return bytes;
}

/** SHA-256 of bytes, 64 hexadecimal digits. */
export function hashBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** SHA-256 of a range, read in pieces. @throws as {@link readRange} */
export async function hashRange({ path, range }: FileRange): Promise<string> {
  const hash = createHash("sha256");
  await using file = await open(path);
  const start = range?.start ?? 0;
  const end = range === undefined ? Number.POSITIVE_INFINITY : start + range.bytes;
  const piece = Buffer.allocUnsafe(Math.min(PIECE, range?.bytes ?? PIECE));
  for (let at = start; at < end; ) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, end - at), at);
    if (bytesRead === 0 && range === undefined) break;
    if (bytesRead === 0) throw new Error(`the file ends at byte ${at}`);
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}
