/// <reference path="./tar-stream.d.ts" />
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import headers from "tar-stream/headers.js";
import { FolderUnusable, TarDamaged } from "./errors.ts";

const BLOCK = 512;
/** A header's extension of more bytes is nonsense: it holds a path. */
const LARGEST_EXTENSION = 2 ** 20;
/** Headers read before others get their turn: a set of ImageNet's size has more than a million. */
const HEADERS_AT_ONCE = 64;

/** A file in a tar file: a range of its bytes. */
export interface TarMember {
  /** Path as the archive has it, without a leading `./`. */
  readonly name: string;
  /** Offset of its first byte in the file that was opened, also for a tar within a tar. */
  readonly start: number;
  readonly bytes: number;
}

/**
 * A tar file, read at the places of its headers only: members are ranges of an uncompressed file, and need no unpacking. The header's
 * forms (ustar, GNU, pax, long names) are tar-stream's.
 */
export class TarFile implements Disposable {
  readonly path: string;
  readonly #file: number;
  readonly #size: number;

  /** @throws FolderUnusable when it cannot be opened */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, "r");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new FolderUnusable(
        `${path} cannot be read (${code})`,
        { path, remedy: "Give yourself the right to read it." },
        cause,
      );
    }
    this.#size = fstatSync(this.#file).size;
  }

  /**
   * Its files in their order; folders and links are passed over.
   *
   * @param inner a member that is a tar itself: then its files
   * @throws TarDamaged that names the member and the byte when the file, or the member, is cut off or no tar
   */
  async *members(inner?: TarMember): AsyncGenerator<TarMember> {
    const what = inner === undefined ? this.path : `${inner.name} in ${this.path}`;
    const end = inner === undefined ? this.#size : inner.start + inner.bytes;
    let named: Extension = {};
    let last = "its beginning";
    for (let at = inner?.start ?? 0, read = 1; ; read++) {
      if (read % HEADERS_AT_ONCE === 0) await setImmediate();
      if (at + BLOCK > end) throw this.#cut(what, `it ends at byte ${end}, after ${last}, without the mark of its end`);
      const header = this.#header(what, at);
      if (header === null) return;
      const start = at + BLOCK;
      const size = named.size ?? header.size;
      const name = (named.name ?? header.name).replace(/^(\.\/)+/, "");
      if (!Number.isSafeInteger(size) || size < 0)
        throw this.#damaged(what, `${name}, at byte ${at}, has a size of ${size}`);
      if (start + size > end)
        throw this.#cut(
          what,
          `${name} begins at byte ${start} and has ${size} ${size === 1 ? "byte" : "bytes"}, but the file ends at byte ${end}`,
        );
      if (extensions.includes(header.type ?? "")) {
        if (size > LARGEST_EXTENSION) throw this.#damaged(what, `the name at byte ${at} has ${size} bytes`);
        if (header.type !== "pax-global-header")
          named = { ...named, ...extensionOf(header.type, this.read(start, size)) };
      } else {
        if (header.type === "file" || header.type === "contiguous-file") yield { name, start, bytes: size };
        named = {};
        last = name;
      }
      at = start + Math.ceil(size / BLOCK) * BLOCK;
    }
  }

  /** Bytes of the file. @throws TarDamaged when it ends before */
  read(start: number, bytes: number): Buffer {
    const out = Buffer.alloc(bytes);
    if (readSync(this.#file, out, 0, bytes, start) !== bytes)
      throw this.#cut(this.path, `${bytes} bytes at byte ${start} are not there`);
    return out;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #header(what: string, at: number) {
    try {
      return headers.decode(this.read(at, BLOCK), "utf-8", true);
    } catch (error) {
      if (error instanceof TarDamaged) throw error;
      throw this.#damaged(
        what,
        at === 0 ? "it does not begin like one" : `at byte ${at} there should be a member, and is none`,
      );
    }
  }

  #cut(what: string, problem: string): TarDamaged {
    const remedy = "Fetch or copy the file again, and compare its size and checksum with those of its source.";
    return new TarDamaged(`${what} is cut off: ${problem}`, { path: this.path, remedy });
  }

  #damaged(what: string, problem: string): TarDamaged {
    const remedy = "Fetch or copy the file again; a compressed tar has to be unpacked to a plain one first.";
    return new TarDamaged(`${what} is no whole tar file: ${problem}`, { path: this.path, remedy });
  }
}

/** What a header before a member says about it. */
interface Extension {
  readonly name?: string;
  readonly size?: number;
}

const extensions: readonly string[] = ["pax-header", "pax-global-header", "gnu-long-path", "gnu-long-link-path"];

function extensionOf(type: string | null, body: Uint8Array): Extension {
  if (type === "gnu-long-path") return { name: headers.decodeLongPath(body, "utf-8") };
  if (type !== "pax-header") return {};
  const { path, size } = headers.decodePax(body);
  return { ...(path !== undefined && { name: path }), ...(size !== undefined && { size: Number(size) }) };
}
