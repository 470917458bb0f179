import { createReadStream, createWriteStream } from "node:fs";
import { chmod, type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { WheelMismatchError } from "./errors.ts";

/** A file inside a zip archive, as its central directory has it. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly mode: number;
  readonly headerOffset: number;
}

const endRecordBytes = 22;
const longestComment = 0xffff;

/**
 * Unpacks those files of a zip archive whose name passes `keep` into `folder`, with their executable bit, and returns
 * each one's name and size. Streams, so the memory it takes does not grow with the files. What wheels do not use is
 * refused: zip64, encryption, methods other than stored and deflated, names that lead out of the folder.
 *
 * Follows PKWARE's APPNOTE.TXT 4.3. Throws `WheelMismatchError` when the archive is damaged or of an unknown form.
 */
export async function unzip(
  archive: string,
  folder: string,
  keep: (name: string) => boolean,
  onBytes: (count: number) => void = () => {},
): Promise<Map<string, number>> {
  const handle = await open(archive, "r");
  const written = new Map<string, number>();
  try {
    for (const entry of await readDirectory(handle, archive)) {
      if (entry.name.endsWith("/") || !keep(entry.name)) continue;
      await unpackEntry(handle, archive, entry, folder, onBytes);
      written.set(entry.name, entry.bytes);
    }
  } finally {
    await handle.close();
  }
  return written;
}

function damaged(archive: string, what: string): WheelMismatchError {
  return new WheelMismatchError(`${archive} is not a zip archive that can be unpacked: ${what}.`, "Fetch it again.", {
    path: archive,
  });
}

async function readAt(handle: FileHandle, archive: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (position < 0 || bytesRead !== length) throw damaged(archive, "it ends too early");
  return buffer;
}

async function readDirectory(handle: FileHandle, archive: string): Promise<Entry[]> {
  const { size } = await handle.stat();
  const tailBytes = Math.min(size, endRecordBytes + longestComment);
  const tail = await readAt(handle, archive, size - tailBytes, tailBytes);
  const end = tail.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0 || end + endRecordBytes > tail.length) throw damaged(archive, "it has no directory");
  const count = tail.readUInt16LE(end + 10);
  const bytes = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff) throw damaged(archive, "zip64 is not supported");
  const directory = await readAt(handle, archive, start, bytes);
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + 46 > bytes || directory.readUInt32LE(at) !== 0x02014b50)
      throw damaged(archive, "its directory is cut off");
    const nameBytes = directory.readUInt16LE(at + 28);
    entries.push(readEntry(directory.subarray(at, at + 46 + nameBytes), archive));
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

function readEntry(record: Buffer, archive: string): Entry {
  const name = record.toString("utf8", 46);
  const method = record.readUInt16LE(10);
  if ((record.readUInt16LE(8) & 1) !== 0 || (method !== 0 && method !== 8))
    throw damaged(archive, `${name} is encrypted or compressed by method ${method}`);
  if (name.startsWith("/") || name.includes("\\") || name.split("/").includes(".."))
    throw damaged(archive, `the name ${JSON.stringify(name)} leads out of the folder`);
  return {
    name,
    method,
    crc32: record.readUInt32LE(16),
    compressedBytes: record.readUInt32LE(20),
    bytes: record.readUInt32LE(24),
    mode: record.readUInt32LE(38) >>> 16,
    headerOffset: record.readUInt32LE(42),
  };
}

async function unpackEntry(
  handle: FileHandle,
  archive: string,
  entry: Entry,
  folder: string,
  onBytes: (count: number) => void,
): Promise<void> {
  // The local header repeats the name and has an extra field of its own length.
  const header = await readAt(handle, archive, entry.headerOffset, 30);
  if (header.readUInt32LE(0) !== 0x04034b50) throw damaged(archive, `${entry.name} is not where its directory says`);
  const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const target = join(folder, entry.name);
  await mkdir(dirname(target), { recursive: true });
  let bytes = 0;
  let crc = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      crc = crc32(chunk, crc);
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  // A stream over no bytes can't be asked for by its last byte.
  const source =
    entry.compressedBytes === 0 ? [] : createReadStream(archive, { start, end: start + entry.compressedBytes - 1 });
  // `flush` brings the bytes to the disk before the folder gets its final name.
  const file = createWriteStream(target, { flush: true, highWaterMark: 1 << 20 });
  try {
    if (entry.method === 8) await pipeline(source, createInflateRaw({ chunkSize: 1 << 18 }), measure, file);
    else await pipeline(source, measure, file);
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      throw damaged(archive, `${entry.name} can't be inflated`);
    throw error;
  }
  if (bytes !== entry.bytes || crc !== entry.crc32)
    throw damaged(archive, `${entry.name} has other bytes than it says`);
  if ((entry.mode & 0o111) !== 0) await chmod(target, 0o755);
}
