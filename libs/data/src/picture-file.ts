import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CorruptPack, problemOf } from "./errors.ts";
import { pictureBytes } from "./pack-index.ts";
import type { PictureReader, UsePicture } from "./picture-reader.ts";

const CLOSED = -1;

/**
 * Random access to `pictures.u8`, `uint8 [n, side, side, 3]`. Each picture is read at its place: the operating system's page cache,
 * which all threads and processes share, holds what is in use, so that memory stays bounded for a pack of any size.
 */
export class PictureFile implements PictureReader {
  readonly path: string;
  readonly side: number;
  /** Number of pictures. */
  readonly count: number;
  #file: number;
  readonly #bytes: number;

  /** @throws CorruptPack when the file is not there or is no whole number of pictures */
  constructor(path: string, side: number) {
    this.path = path;
    this.side = side;
    this.#bytes = pictureBytes(side);
    try {
      this.#file = openSync(path, "r");
    } catch (cause) {
      throw corrupt(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
    }
    const { size } = fstatSync(this.#file);
    this.count = size / this.#bytes;
    if (!Number.isInteger(this.count)) {
      this.close();
      throw corrupt(path, `has ${size} bytes, which is no whole number of pictures of ${side}x${side}`);
    }
  }

  /** Goes over the pictures at `places`; the memory of one is the next one's. @throws CorruptPack */
  async each(places: Int32Array, use: UsePicture): Promise<void> {
    const picture = { data: new Uint8Array(this.#bytes), height: this.side, width: this.side };
    for (const [at, place] of places.entries()) {
      this.read(place, picture.data);
      use(picture, at);
    }
  }

  /** Writes picture `index` into `out`, `uint8 [side, side, 3]`. @throws CorruptPack when the file ends before */
  read(index: number, out: Uint8Array): void {
    if (readSync(this.#file, out, 0, this.#bytes, index * this.#bytes) !== this.#bytes) {
      throw corrupt(this.path, `ends before picture ${index}`);
    }
  }

  /** Pixels have no hash of their own: what can be wrong here is that they are not there. */
  problem(place: number): string | null {
    return problemOf(() => this.read(place, new Uint8Array(this.#bytes)));
  }

  /** Closes the file; reading afterwards fails, and closing again does nothing. */
  close(): void {
    if (this.#file === CLOSED) return;
    closeSync(this.#file);
    this.#file = CLOSED; // the number may soon be another file's
  }
}

function corrupt(path: string, problem: string, cause?: unknown): CorruptPack {
  return new CorruptPack(
    `${path} ${problem}`,
    { path, remedy: "Start `./peco run` again: packed pictures that are not whole are made anew." },
    cause,
  );
}
