/** Bytes to store: at once, or piece by piece. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>;

/** A stored object as a list shows it. */
export interface Entry {
  /** Its name: parts joined by `/`, from the store's root. */
  readonly name: string;
  readonly bytes: number;
  /** When it was last written, or put again with equal content: milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** A pointer's value with the version that a swap must name. */
export interface Versioned {
  readonly value: Uint8Array;
  readonly version: string;
}

/**
 * Where a store's bytes lie. Small enough that a folder and S3 with conditional writes can both be one.
 *
 * Objects are written whole or not at all: a reader never sees half of one. Pointers, whose names end in `.pointer`,
 * are the only things that change by agreement: of several that swap the same version, one succeeds.
 * Every method throws the failures of errors.ts for what a user can mend.
 */
export interface Backend {
  /** What messages call an object: a path, or an address. */
  locate(name: string): string;
  /** Stores bytes under `prefix` by their SHA-256, as `nameOf(digest)`; an equal object there is kept, a corrupt one replaced. */
  putContent(body: Body, nameOf: (digest: string) => string): Promise<{ digest: string; bytes: number }>;
  /** Writes an object, replacing what has its name. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Writes an object unless its name is taken; says whether it did. */
  putIfAbsent(name: string, bytes: Uint8Array): Promise<boolean>;
  /** An object's bytes, alone in their ArrayBuffer; null when there is none. */
  get(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** A path on this machine under which the object can be read in parts; null when there is none. */
  localFile(name: string): Promise<string | null>;
  head(name: string): Promise<Entry | null>;
  /** All objects whose names start with `prefix/`, in the order of names; pointers among them, cleared ones with 0 bytes. */
  list(prefix: string): Promise<Entry[]>;
  /** Removes an object, or a pointer with all that is known of it; nothing happens when there is none. */
  delete(name: string): Promise<void>;
  /** A pointer's value; null when it has none. */
  readPointer(name: string): Promise<Versioned | null>;
  /** Sets a pointer if its version still is `expected` (null: it has no value); the new version, or null when another was first. */
  swapPointer(name: string, expected: string | null, value: Uint8Array): Promise<string | null>;
  /** Takes a pointer's value away if its version still is `expected`; says whether it did. */
  clearPointer(name: string, expected: string): Promise<boolean>;
}
