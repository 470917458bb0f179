import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { UnwritableFileError } from "./unwritable-file.ts";

/** NumPy's names of the element types that are written, little-endian. */
type Descriptor = "|u1" | "<f4";

/** The head of a NumPy file, format 1.0: padded with spaces so that the data starts at a multiple of 64. */
function npyHeader(descriptor: Descriptor, shape: readonly number[]): Buffer {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const description = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const magicAndLength = 10;
  const headerLength = Math.ceil((magicAndLength + description.length + 1) / 64) * 64 - magicAndLength;
  const header = Buffer.alloc(magicAndLength + headerLength);
  header.write("\x93NUMPY\x01\x00", 0, "latin1");
  header.writeUInt16LE(headerLength, 8);
  header.write(`${description.padEnd(headerLength - 1)}\n`, magicAndLength, "latin1");
  return header;
}

/** Bytes as a NumPy file. `data` holds the elements in C order; its length has to be the product of `shape`. */
export function npyOfBytes(data: Uint8Array, shape: readonly number[]): Uint8Array {
  return Buffer.concat([npyHeader("|u1", shape), data]);
}

/**
 * A float32 array that is written row by row into a NumPy file, so that its rows need not be in memory together. The file has its name
 * from `finish` on; until then it is beside it, and `dispose` takes it away.
 */
export class NpyRows implements AsyncDisposable {
  readonly path: string;
  readonly #partial: string;
  #file: FileHandle | null;

  private constructor(path: string, partial: string, file: FileHandle) {
    this.path = path;
    this.#partial = partial;
    this.#file = file;
  }

  /** Begins a file of an array of this shape. @throws UnwritableFileError */
  static async create(path: string, shape: readonly number[]): Promise<NpyRows> {
    const partial = `${path}.partial`;
    try {
      const file = await open(partial, "w");
      const rows = new NpyRows(path, partial, file);
      await rows.#put(npyHeader("<f4", shape));
      return rows;
    } catch (cause) {
      throw new UnwritableFileError("--npy", path, cause);
    }
  }

  /** Writes the next rows. @throws UnwritableFileError */
  async append(values: Float32Array): Promise<void> {
    try {
      await this.#put(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    } catch (cause) {
      throw new UnwritableFileError("--npy", this.path, cause);
    }
  }

  /** Gives the file its name. @throws UnwritableFileError */
  async finish(): Promise<void> {
    try {
      await this.#file?.close();
      this.#file = null;
      await rename(this.#partial, this.path);
    } catch (cause) {
      throw new UnwritableFileError("--npy", this.path, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#file === null) return;
    await this.#file.close();
    await rm(this.#partial, { force: true });
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await (this.#file as FileHandle).write(bytes, at);
      at += bytesWritten;
    }
  }
}
