import { type FileHandle, open } from "node:fs/promises";
import { decodePicture, UndecodablePicture } from "./decode.ts";
import { CorruptPicture, FileChanged } from "./errors.ts";
import { type FileRange, hashBytes, hashRange, rangeBytes, readRange } from "./file-range.ts";
import { pictureBytes, type SkippedFile } from "./pack-index.ts";
import type { EncodedPlace } from "./picture-table.ts";

/** Files above this are read by the decoder from their place: hashing one at once would keep the event loop busy for too long. */
const LARGEST_IN_MEMORY = 16 * 2 ** 20;

/** A file to pack. */
export interface PictureSource extends FileRange {
  /** As it is called in index and messages. */
  readonly name: string;
  /** SHA-256 that the file had when the data were identified; null when nobody has looked yet. */
  readonly hash: string | null;
}

/** What became of the files. */
export interface Packed<S extends PictureSource> {
  /** What was packed, in the order of the files; with places where it is picture files. */
  readonly pictures: { readonly source: S; readonly hash: string; readonly place?: EncodedPlace }[];
  readonly skipped: SkippedFile[];
}

/** How files are packed, whatever becomes of them. */
export interface PackOptions {
  /** What a file does that cannot be decoded: it is left out, or ends the packing. */
  readonly onCorrupt: "skip" | "fail";
  /** Pictures decoded at once. @default 4, the threads that Node decodes on */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}

type Decoded =
  | { readonly hash: string; readonly pixels: Uint8Array }
  | { readonly hash: string; readonly problem: string };

/**
 * Decodes files and writes their pictures one after the other to `out`, the bytes of `pictures.u8`. Several are decoded at once, and
 * written in the order of the list, so that equal files give equal bytes.
 *
 * @throws CorruptPicture with `onCorrupt: "fail"`
 * @throws FileChanged when a file's bytes are not those that were identified, or it has gone
 */
export async function packPictures<S extends PictureSource>(
  files: readonly S[],
  out: string,
  options: PackOptions & { readonly side: number },
): Promise<Packed<S>> {
  const { side, parallel = 4 } = options;
  const pictures: { source: S; hash: string }[] = [];
  const skipped: SkippedFile[] = [];
  await using writer = new Appender(await open(out, "w"), pictureBytes(side));
  const ahead: { source: S; decoded: Promise<Decoded> }[] = [];
  const takeOne = async () => {
    const { source, decoded } = ahead.shift() as (typeof ahead)[number];
    const picture = await decoded;
    if ("problem" in picture) {
      if (options.onCorrupt === "fail") throw corrupt(source, picture.problem);
      skipped.push({ name: source.name, reason: picture.problem });
    } else {
      pictures.push({ source, hash: picture.hash });
      await writer.append(picture.pixels);
    }
    options.onProgress?.(pictures.length + skipped.length, files.length);
  };
  for (const source of files) {
    options.signal?.throwIfAborted();
    const decoded = readAndDecode(source, side);
    decoded.catch(() => undefined); // reported when its turn comes
    ahead.push({ source, decoded });
    // Twice as many as run at once, so that one slow picture does not leave the other threads without work.
    if (ahead.length >= parallel * 2) await takeOne();
  }
  while (ahead.length > 0) await takeOne();
  await writer.finish();
  return { pictures, skipped };
}

async function readAndDecode(from: PictureSource, side: number): Promise<Decoded> {
  const { name, path, range, hash: expected } = from;
  let hash: string;
  let source: Uint8Array | string;
  try {
    const inPlace = range === undefined && (await rangeBytes(from)) > LARGEST_IN_MEMORY;
    source = inPlace ? path : await readRange(from);
    hash = typeof source === "string" ? await hashRange(from) : hashBytes(source);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    if (expected === null) return { hash: "", problem: `cannot be read (${code})` };
    throw changed(name, path, cause);
  }
  if (expected !== null && expected !== hash) throw changed(name, path);
  try {
    return { hash, pixels: await decodePicture(source, side) };
  } catch (error) {
    if (error instanceof UndecodablePicture) return { hash, problem: error.message };
    throw error;
  }
}

/** Writes equally long records in pieces of about 1 MiB. */
class Appender implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #piece: Buffer;
  #used = 0;

  constructor(file: FileHandle, record: number) {
    this.#file = file;
    this.#piece = Buffer.allocUnsafe(record * Math.max(1, Math.floor(2 ** 20 / record)));
  }

  async append(record: Uint8Array): Promise<void> {
    this.#piece.set(record, this.#used);
    this.#used += record.length;
    if (this.#used === this.#piece.length) await this.finish();
  }

  async finish(): Promise<void> {
    for (let at = 0; at < this.#used; ) at += (await this.#file.write(this.#piece, at, this.#used - at)).bytesWritten;
    this.#used = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** The refusal of a file that cannot be decoded. */
export function corrupt({ name, path }: PictureSource, problem: string): CorruptPicture {
  return new CorruptPicture(`${name} ${problem}`, {
    path,
    remedy: "Take the file away, or set data.folder.onCorrupt to skip, which leaves such files out and counts them.",
  });
}

/** The refusal of a file that is not what it was when the data were identified. */
export function changed(name: string, path: string, cause?: unknown): FileChanged {
  return new FileChanged(
    `${name} changed or went away while the pictures were read`,
    { path, remedy: "Start again when nothing writes to the folder any more." },
    cause,
  );
}
