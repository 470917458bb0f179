import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { decodeWhole, UndecodablePicture } from "./decode.ts";
import { CorruptPack, problemOf } from "./errors.ts";
import type { Picture } from "./picture.ts";
import type { PictureReader, UsePicture } from "./picture-reader.ts";
import type { Columns } from "./picture-table.ts";

/** Pictures that are read and decoded while earlier ones are used: as many as Node has threads to decode on. */
const MOST_AHEAD = 4;
/** Pixels of all of them together, beyond the first: a few large photographs must not fill the memory. */
const MOST_PIXELS_AHEAD = 32 * 2 ** 20;

/** The parts of an encoded pack. */
export interface EncodedSource {
  /** Files of the shards, in their order, and their bytes. */
  readonly shards: readonly { readonly path: string; readonly bytes: number }[];
  readonly columns: Columns;
}

/**
 * Random access to picture files in shards: each is read at its place, checked against its SHA-256, and decoded with every pixel. The
 * decoding is done on Node's threads, a few pictures ahead.
 */
export class EncodedPictures implements PictureReader {
  readonly #columns: Columns;
  readonly #shards: { readonly path: string; readonly file: number }[] = [];
  #closed = false;

  /** @throws CorruptPack when a shard is not there or has another size */
  constructor({ shards, columns }: EncodedSource) {
    this.#columns = columns;
    try {
      for (const { path, bytes } of shards) {
        this.#shards.push({ path, file: openShard(path) });
        const { size } = fstatSync((this.#shards.at(-1) as { file: number }).file);
        if (size !== bytes) throw corrupt(path, `has ${size} bytes, not ${bytes}`);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async each(places: Int32Array, use: UsePicture): Promise<void> {
    const ahead: Promise<Picture>[] = [];
    let pixels = 0;
    let next = 0;
    for (let at = 0; at < places.length; at++) {
      while (next < places.length && ahead.length < MOST_AHEAD) {
        const size = this.#pixels(places[next] as number);
        if (ahead.length > 0 && pixels + size > MOST_PIXELS_AHEAD) break;
        const picture = this.picture(places[next++] as number);
        picture.catch(() => undefined); // reported when its turn comes
        pixels += size;
        ahead.push(picture);
      }
      use(await (ahead.shift() as Promise<Picture>), at);
      pixels -= this.#pixels(places[at] as number);
    }
  }

  /** The picture at a place, with every pixel of its file. @throws CorruptPack */
  async picture(place: number): Promise<Picture> {
    const file = this.file(place);
    try {
      return await decodeWhole(file);
    } catch (error) {
      // It could be decoded when it was packed, and its bytes are the same.
      if (error instanceof UndecodablePicture)
        throw corrupt(this.#shardOf(place).path, `holds picture ${place}, which ${error.message}`, error);
      throw error;
    }
  }

  /** The bytes of the picture file at a place. @throws CorruptPack when they are not those that were packed */
  file(place: number): Uint8Array {
    const { path, file } = this.#shardOf(place);
    const bytes = new Uint8Array(this.#columns.bytes[place] as number);
    const read = readSync(file, bytes, 0, bytes.length, this.#columns.start[place] as number);
    if (read !== bytes.length) throw corrupt(path, `ends before picture ${place}`);
    const expected = this.#columns.hash.subarray(place * 32, (place + 1) * 32);
    if (!createHash("sha256").update(bytes).digest().equals(expected))
      throw corrupt(path, `is damaged: picture ${place} has other bytes than were packed`);
    return bytes;
  }

  problem(place: number): string | null {
    return problemOf(() => this.file(place));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { file } of this.#shards) closeSync(file);
  }

  #shardOf(place: number): { path: string; file: number } {
    const shard = this.#shards[this.#columns.shard[place] ?? -1];
    if (shard === undefined || this.#closed) throw corrupt("a pack", `has no picture ${place}, or is closed`);
    return shard;
  }

  #pixels(place: number): number {
    return (this.#columns.height[place] as number) * (this.#columns.width[place] as number);
  }
}

function openShard(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw corrupt(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

function corrupt(path: string, problem: string, cause?: unknown): CorruptPack {
  return new CorruptPack(
    `${path} ${problem}`,
    { path, remedy: "Start `./peco run` again: packed pictures that are not whole are made anew." },
    cause,
  );
}
