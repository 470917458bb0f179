import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, rm, rmdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { linkInto, moveInto, type TemporaryFile, writeTemporary } from "./atomic-file.ts";
import type { Backend, Body, Entry, Versioned } from "./backend.ts";
import { storeErrorOf } from "./errors.ts";
import { sha256 } from "./sha256.ts";

/** Where unfinished files lie, from the store's root. What a kill leaves there is nobody's, and is collected. */
export const temporaryFolder = "tmp";

/** How long a pointer's former values are left, so that nobody links their numbers again. */
const keptMs = 20_000;

/**
 * A store in a folder of a local or network disk with hard links and atomic rename.
 *
 * A write is a temporary file, fsync, rename, fsync of the folder. A pointer is a folder of numbered files whose
 * highest is its value: to swap is to link the next number, which the file system lets one process do. A cleared one
 * keeps an empty file, since numbers that began anew would be mistaken for old ones.
 */
export class FolderBackend implements Backend {
  readonly root: string;
  readonly #unfinished: string;

  /** @param unfinished where unfinished files lie, on the same disk */
  constructor(root: string, unfinished: string = join(root, temporaryFolder)) {
    this.root = root;
    this.#unfinished = unfinished;
  }

  locate(name: string): string {
    return join(this.root, name);
  }

  async putContent(body: Body, nameOf: (digest: string) => string): Promise<{ digest: string; bytes: number }> {
    return this.#writing(temporaryFolder, async () => {
      const temporary = await this.#temporary(body);
      const { digest, bytes } = temporary;
      const path = this.locate(nameOf(digest));
      if (await holds(path, digest, bytes)) {
        await rm(temporary.path, { force: true });
        // it counts as new, so that no collection takes it from whoever is about to refer to it
        const now = new Date();
        await utimes(path, now, now);
      } else {
        await moveInto(temporary.path, path);
      }
      return { digest, bytes };
    });
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#writing(name, async () => moveInto((await this.#temporary(bytes)).path, this.locate(name)));
  }

  async putIfAbsent(name: string, bytes: Uint8Array): Promise<boolean> {
    return this.#writing(name, async () => linkInto((await this.#temporary(bytes)).path, this.locate(name)));
  }

  async get(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#reading(name, () => readWhole(this.locate(name)));
  }

  async localFile(name: string): Promise<string | null> {
    return (await this.head(name)) === null ? null : this.locate(name);
  }

  async head(name: string): Promise<Entry | null> {
    return this.#reading(name, async () => {
      const found = await stat(this.locate(name));
      return found.isFile() ? { name, bytes: found.size, modifiedMs: found.mtimeMs } : null;
    });
  }

  async list(prefix: string): Promise<Entry[]> {
    const entries = (await this.#reading(prefix, () => readdir(this.locate(prefix), { withFileTypes: true }))) ?? [];
    const found = await Promise.all(
      entries.map(async (entry): Promise<Entry[]> => {
        const name = `${prefix}/${entry.name}`;
        if (entry.name.endsWith(".pointer")) return this.#pointerEntry(name);
        if (entry.isDirectory()) return this.list(name);
        const head = await this.head(name);
        return head === null ? [] : [head];
      }),
    );
    return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async delete(name: string): Promise<void> {
    // a pointer's numbers go lowest first: a kill in between must not bring an older value back
    for (const number of name.endsWith(".pointer") ? await this.#numbers(name) : [])
      await this.delete(`${name}/${number}.json`);
    await this.#writing(name, async () => {
      if (name.endsWith(".pointer")) await rmdir(this.locate(name)).catch(() => {});
      else await rm(this.locate(name), { force: true });
    });
  }

  async readPointer(name: string): Promise<Versioned | null> {
    const { value, version } = await this.#highest(name);
    return value === null || version === null ? null : { value, version };
  }

  async swapPointer(name: string, expected: string | null, value: Uint8Array): Promise<string | null> {
    if (value.length === 0) throw new TypeError("a pointer's value cannot be empty");
    return this.#claim(name, expected, value);
  }

  async clearPointer(name: string, expected: string): Promise<boolean> {
    return (await this.#claim(name, expected, new Uint8Array())) !== null;
  }

  /**
   * Links the number after the one that was read, which one of several processes can do. The number is new, so that
   * the link is a success, unless others had it and took it away since: they leave a number for `keptMs`, and so only
   * a process that slept for long has to look whether it came too late.
   */
  async #claim(name: string, expected: string | null, value: Uint8Array): Promise<string | null> {
    const start = Date.now();
    const current = await this.#highest(name);
    if (current.version !== expected) return null;
    const number = current.number + 1;
    const path = this.#numbered(name, number);
    const linked = await this.#writing(name, async () => linkInto((await this.#temporary(value)).path, path));
    if (!linked) return null;
    if (Math.abs(Date.now() - start) > keptMs / 4 && (await this.#numbers(name)).at(-1) !== number) return null;
    await this.#dropOld(name, number);
    return versionOf(number, value);
  }

  /** A pointer's last number with its value; a number without bytes says that it was cleared. */
  async #highest(name: string): Promise<{ number: number; value: Uint8Array | null; version: string | null }> {
    for (;;) {
      const number = (await this.#numbers(name)).at(-1);
      if (number === undefined) return { number: 0, value: null, version: null };
      const value = await this.#reading(name, () => readFile(this.#numbered(name, number)));
      if (value?.length === 0) return { number, value: null, version: null };
      // gone means that a later one is there
      if (value !== null) return { number, value, version: versionOf(number, value) };
    }
  }

  async #pointerEntry(name: string): Promise<Entry[]> {
    const number = (await this.#numbers(name)).at(-1);
    const head = number === undefined ? null : await this.head(`${name}/${number}.json`);
    return head === null ? [] : [{ ...head, name }];
  }

  #numbered(name: string, number: number): string {
    return this.locate(`${name}/${number}.json`);
  }

  /** The numbers of a pointer's files, lowest first. */
  async #numbers(name: string): Promise<number[]> {
    const files = (await this.#reading(name, () => readdir(this.locate(name)))) ?? [];
    return files
      .flatMap((file) => (/^[1-9][0-9]*\.json$/.test(file) ? [Number.parseInt(file, 10)] : []))
      .sort((a, b) => a - b);
  }

  /** Takes numbers below one away that have been there for a while, by the clock of the disk. */
  async #dropOld(name: string, number: number): Promise<void> {
    const newest = await this.head(`${name}/${number}.json`);
    for (const old of await this.#numbers(name)) {
      const head = old < number ? await this.head(`${name}/${old}.json`) : null;
      if (head === null || newest === null || newest.modifiedMs - head.modifiedMs < keptMs) continue;
      await this.delete(head.name);
    }
  }

  #temporary(body: Body): Promise<TemporaryFile> {
    return writeTemporary(this.#unfinished, body);
  }

  async #writing<T>(name: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw storeErrorOf(error, this.locate(name), "write");
    }
  }

  /** Null for what is not there. */
  async #reading<T>(name: string, body: () => Promise<T>): Promise<T | null> {
    try {
      return await body();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR") return null;
      throw storeErrorOf(error, this.locate(name), "read");
    }
  }
}

function versionOf(number: number, value: Uint8Array): string {
  return `${number}-${sha256(value)}`;
}

async function holds(path: string, digest: string, bytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true && found.size === bytes && (await fileDigest(path)) === digest;
}

/** SHA-256 of a file, read piece by piece. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

/** `readFile` ends at 2 GiB and may share its buffer. */
async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await open(path, "r");
  try {
    const bytes = new Uint8Array((await handle.stat()).size);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 1 << 28), at);
      if (bytesRead === 0) return bytes.slice(0, at);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
