import { probePicture, UndecodablePicture } from "./decode.ts";
import { hashBytes, readRange } from "./file-range.ts";
import { type SkippedFile, shardName } from "./pack-index.ts";
import { changed, corrupt, type Packed, type PackOptions, type PictureSource } from "./pack-pictures.ts";
import type { EncodedPlace } from "./picture-table.ts";

/** Bytes from which a shard is full: files of a size that every tool can copy, and few enough of them. */
const SHARD_BYTES = 2 ** 30;
/** A larger file is left out: it could not be read at once. */
const LARGEST_FILE = 2 ** 31 - 1;

/** Takes the bytes of a shard, piece by piece, and keeps them under a name. */
export type ShardSink = (name: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>;

/** A file that was read: its bytes and size where it is a whole picture, the reason where it is none. */
type Read =
  | { readonly hash: string; readonly file: Uint8Array; readonly height: number; readonly width: number }
  | { readonly hash: string; readonly problem: string };

/**
 * Packs picture files as they are, one after the other in shards of about 1 GiB, in the order in which they lie on disk, so that each is
 * read once and none twice. Each is decoded once to see that it is whole; several at a time. Only the files under way are in memory.
 *
 * @throws CorruptPicture with `onCorrupt: "fail"`
 * @throws FileChanged when a file's bytes are not those that were identified, or it has gone
 */
export async function packEncoded<S extends PictureSource>(
  files: readonly S[],
  sink: ShardSink,
  options: PackOptions & { readonly shardBytes?: number },
): Promise<Packed<S> & { readonly shards: { readonly bytes: number }[] }> {
  const { shardBytes = SHARD_BYTES } = options;
  const order = [...files.keys()].sort((a, b) => byPlace(files[a] as S, files[b] as S));
  const found: (Packed<S>["pictures"][number] | undefined)[] = new Array(files.length);
  const skipped: SkippedFile[] = [];
  const shards: { bytes: number }[] = [];
  const pictures = wholePictures(files, order, skipped, options);
  let next = await pictures.next();
  async function* fill(shard: { bytes: number }): AsyncGenerator<Uint8Array> {
    while (!next.done && (shard.bytes === 0 || shard.bytes + next.value.file.length <= shardBytes)) {
      const { at, file, hash, height, width } = next.value;
      const place: EncodedPlace = { shard: shards.length - 1, start: shard.bytes, bytes: file.length, height, width };
      found[at] = { source: files[at] as S, hash, place };
      shard.bytes += file.length;
      yield file;
      next = await pictures.next();
    }
  }
  while (!next.done) {
    const shard = { bytes: 0 };
    shards.push(shard);
    await sink(shardName(shards.length - 1), fill(shard));
  }
  return { pictures: found.filter((picture) => picture !== undefined), skipped, shards };
}

/** Order in which disks read fastest: by file, and inside a file by place. */
function byPlace(a: PictureSource, b: PictureSource): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return (a.range?.start ?? 0) - (b.range?.start ?? 0);
}

/** Reads and probes files a few ahead; gives those that are whole, in the order asked for, and notes the others. */
async function* wholePictures<S extends PictureSource>(
  files: readonly S[],
  order: readonly number[],
  skipped: SkippedFile[],
  { parallel = 4, onCorrupt, onProgress, signal }: PackOptions,
): AsyncGenerator<{ at: number } & Extract<Read, { file: unknown }>, undefined> {
  const ahead: Promise<Read>[] = [];
  for (let done = 0, started = 0; done < order.length; done++) {
    signal?.throwIfAborted();
    while (started < order.length && ahead.length < parallel * 2) {
      const read = readAndProbe(files[order[started++] as number] as S);
      read.catch(() => undefined); // reported when its turn comes
      ahead.push(read);
    }
    const at = order[done] as number;
    const read = await (ahead.shift() as Promise<Read>);
    if ("file" in read) yield { at, ...read };
    else if (onCorrupt === "fail") throw corrupt(files[at] as S, read.problem);
    else skipped.push({ name: (files[at] as S).name, reason: read.problem });
    onProgress?.(done + 1, order.length);
  }
}

async function readAndProbe(source: PictureSource): Promise<Read> {
  const { name, path, hash: expected } = source;
  let file: Uint8Array;
  try {
    file = await readRange(source);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ERR_FS_FILE_TOO_LARGE") return { hash: "", problem: "has more than 2 GiB" };
    if (expected === null) return { hash: "", problem: `cannot be read (${code ?? cause})` };
    throw changed(name, path, cause);
  }
  if (file.length > LARGEST_FILE) return { hash: "", problem: "has more than 2 GiB" };
  const hash = hashBytes(file);
  if (expected !== null && expected !== hash) throw changed(name, path);
  try {
    return { hash, file, ...(await probePicture(file)) };
  } catch (error) {
    if (error instanceof UndecodablePicture) return { hash, problem: error.message };
    throw error;
  }
}
