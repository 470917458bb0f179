import type { Backend, Body } from "./backend.ts";
import { CorruptObject, LeaseLost } from "./errors.ts";
import { encode, parseFile } from "./json-file.ts";
import {
  type BlobRef,
  type CheckpointManifest,
  checkpointManifest,
  checkpointPointer,
  storeFormat,
} from "./schemas.ts";
import { sha256 } from "./sha256.ts";

/** A stage's state at a step, whole: every byte of it matched its SHA-256. */
export interface Checkpoint {
  readonly digest: string;
  readonly step: number;
  readonly meta: CheckpointManifest["meta"];
  readonly blobs: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

/** What to save. */
export interface CheckpointContent {
  readonly step: number;
  readonly blobs: Readonly<Record<string, Body>>;
  readonly meta?: CheckpointManifest["meta"];
}

/** A checkpoint that could not be used, for a loud message. */
export interface CheckpointProblem {
  readonly path: string;
  readonly message: string;
  /** Whether an earlier checkpoint is tried instead; if not, the stage starts from nothing. */
  readonly earlierLeft: boolean;
}

/** The folder of a stage's checkpoints in the store. */
export function checkpointFolder(key: string): string {
  return `checkpoints/${key}`;
}

/** The pointer to a stage's checkpoints. */
export function checkpointPointerName(key: string): string {
  return `${checkpointFolder(key)}/newest.pointer`;
}

/**
 * The last two checkpoints of a stage. Blobs first, then the manifest, then the pointer by compare-and-swap: a kill at
 * any moment leaves the checkpoint before. They lie apart from the artifacts' blobs, so that the holder of the stage's
 * lease can take an old one away without asking who else uses its bytes.
 */
export class Checkpoints {
  readonly #backend: Backend;
  readonly #key: string;
  /** The newest one known to be whole. */
  #good: string | null = null;

  constructor(backend: Backend, key: string) {
    this.#backend = backend;
    this.#key = key;
  }

  /**
   * Saves a checkpoint and takes the one before the last away.
   *
   * @returns its digest
   * @throws LeaseLost when another process saved one since
   */
  async save(content: CheckpointContent): Promise<string> {
    const before = await this.#backend.readPointer(this.#pointer);
    const listed = before === null ? [] : this.#parsePointer(before.value);
    const blobs: Record<string, BlobRef> = {};
    for (const [name, body] of Object.entries(content.blobs)) {
      blobs[name] = await this.#backend.putContent(body, (digest) => this.#blob(digest));
    }
    const manifest: CheckpointManifest = { format: storeFormat, step: content.step, blobs, meta: content.meta ?? {} };
    const { digest } = await this.#backend.putContent(encode(manifest), (name) => this.#manifest(name));
    const previous = this.#good !== null && listed.includes(this.#good) ? this.#good : listed[0];
    const checkpoints = previous === undefined || previous === digest ? [digest] : [digest, previous];
    const value = encode({ format: storeFormat, checkpoints });
    if ((await this.#backend.swapPointer(this.#pointer, before?.version ?? null, value)) === null)
      throw this.#overtaken();
    this.#good = digest;
    await this.#sweep(checkpoints);
    return digest;
  }

  /**
   * The newest whole checkpoint; null when there is none. A damaged one is told to `onProblem` and the one before is taken.
   *
   * @throws StoreFormatError when a newer version wrote it
   */
  async latest(onProblem: (problem: CheckpointProblem) => void): Promise<Checkpoint | null> {
    const pointer = await this.#backend.readPointer(this.#pointer);
    if (pointer === null) return null;
    const listed = this.#parsePointer(pointer.value);
    for (const [i, digest] of listed.entries()) {
      try {
        const checkpoint = await this.#load(digest);
        this.#good = digest;
        return checkpoint;
      } catch (error) {
        if (!(error instanceof CorruptObject)) throw error;
        onProblem({ path: error.path, message: error.message, earlierLeft: i + 1 < listed.length });
      }
    }
    return null;
  }

  /** The steps of the checkpoints there are, newest first, without reading their bytes. */
  async steps(): Promise<number[]> {
    const pointer = await this.#backend.readPointer(this.#pointer);
    const listed = pointer === null ? [] : this.#parsePointer(pointer.value);
    return Promise.all(listed.map(async (digest) => (await this.#loadManifest(digest)).step));
  }

  /** Takes all checkpoints of the stage away: at its end, or to start from nothing. */
  async clear(): Promise<void> {
    const pointer = await this.#backend.readPointer(this.#pointer);
    if (pointer !== null) await this.#backend.clearPointer(this.#pointer, pointer.version);
    await this.#sweep([]);
  }

  get #pointer(): string {
    return checkpointPointerName(this.#key);
  }

  #blob(digest: string): string {
    return `${checkpointFolder(this.#key)}/blobs/${digest}`;
  }

  #manifest(digest: string): string {
    return `${checkpointFolder(this.#key)}/manifests/${digest}.json`;
  }

  #parsePointer(value: Uint8Array): string[] {
    return parseFile(checkpointPointer, value, this.#backend.locate(this.#pointer)).checkpoints;
  }

  async #load(digest: string): Promise<Checkpoint> {
    const manifest = await this.#loadManifest(digest);
    const blobs: Record<string, Uint8Array<ArrayBuffer>> = {};
    for (const [name, ref] of Object.entries(manifest.blobs))
      blobs[name] = await this.#read(this.#blob(ref.digest), ref.digest);
    return { digest, step: manifest.step, meta: manifest.meta, blobs };
  }

  async #loadManifest(digest: string): Promise<CheckpointManifest> {
    const name = this.#manifest(digest);
    return parseFile(checkpointManifest, await this.#read(name, digest), this.#backend.locate(name));
  }

  async #read(name: string, digest: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#backend.get(name);
    if (bytes !== null && sha256(bytes) === digest) return bytes;
    const path = this.#backend.locate(name);
    const message =
      bytes === null
        ? `${path} of a checkpoint is missing`
        : `${path} of a checkpoint is damaged: its bytes do not match its name`;
    throw new CorruptObject(message, { path, remedy: "The checkpoint before it is used." });
  }

  /** Removes what belongs to none of `kept`, also what killed saves left. */
  async #sweep(kept: readonly string[]): Promise<void> {
    const keep = new Set<string>([this.#pointer]);
    for (const digest of kept) {
      keep.add(this.#manifest(digest));
      const manifest = await this.#loadManifest(digest).catch(ignoreCorrupt);
      for (const ref of Object.values(manifest?.blobs ?? {})) keep.add(this.#blob(ref.digest));
    }
    for (const { name } of await this.#backend.list(checkpointFolder(this.#key)))
      if (!keep.has(name)) await this.#backend.delete(name);
  }

  #overtaken(): LeaseLost {
    return new LeaseLost("another process saved a checkpoint of this stage meanwhile", {
      path: this.#backend.locate(this.#pointer),
      remedy: "Start the command again; it goes on from the last checkpoint.",
    });
  }
}

function ignoreCorrupt(error: unknown): null {
  if (error instanceof CorruptObject) return null;
  throw error;
}
