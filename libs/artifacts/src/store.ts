import { join, resolve } from "node:path";
import type { Backend, Body } from "./backend.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CorruptObject, ObjectMissing } from "./errors.ts";
import { FolderBackend, fileDigest, temporaryFolder } from "./folder-backend.ts";
import { corruptRemedy, encode, parseFile } from "./json-file.ts";
import { Lease } from "./lease.ts";
import { openFormat } from "./open-format.ts";
import { Runs } from "./runs.ts";
import { type BlobRef, type Manifest, manifest, type StageResult, stageResult, storeFormat } from "./schemas.ts";
import { digestOf, isDigest, sha256 } from "./sha256.ts";

/** Names of the store's objects. */
export const names = {
  blob: (digest: string) => `blobs/${digest.slice(0, 2)}/${digest}`,
  manifest: (digest: string) => `manifests/${digest}.json`,
  result: (key: string) => `results/${key}.json`,
};

/** What becomes an artifact. */
export interface ArtifactContent {
  readonly kind: string;
  readonly blobs: Readonly<Record<string, BlobRef>>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly meta: Manifest["meta"];
}

/** What the store knows about a stage key. */
export type Lookup =
  | { readonly state: "hit"; readonly result: StageResult }
  | { readonly state: "absent" }
  /** There is a result, but it or its artifact is not whole: it has to be made again. */
  | { readonly state: "incomplete"; readonly problem: string };

/** An artifact with its digest. */
export interface Artifact {
  readonly digest: string;
  readonly manifest: Manifest;
}

/**
 * Immutable blobs and artifacts by content, what finished stages gave, checkpoints, leases and runs.
 *
 * Whatever is read back is checked against the SHA-256 that names it.
 */
export class Store {
  readonly backend: Backend;
  /** Runs lie in a folder of this machine, since logs and metrics are appended to. */
  readonly runs: Runs;

  constructor(backend: Backend, runs: Runs) {
    this.backend = backend;
    this.runs = runs;
  }

  /**
   * Opens the store in a folder. With `create` the folder may be new or empty, and it is checked that it can be written.
   *
   * @throws StoreMissing when there is no store and `create` is not given
   * @throws StoreFormatError when a newer version wrote it, or the folder holds something else
   * @throws StoreNotWritable StoreFull StoreNotReadable
   */
  static async open(folder: string, options: { create?: boolean } = {}): Promise<Store> {
    const root = resolve(folder);
    const backend = new FolderBackend(root);
    await openFormat(backend, options.create ?? false);
    return new Store(backend, new Runs(join(root, "runs"), join(root, temporaryFolder)));
  }

  /** Stores bytes, or a stream of them; equal bytes are stored once. */
  async putBlob(body: Body): Promise<BlobRef> {
    return this.backend.putContent(body, names.blob);
  }

  /**
   * A blob's bytes, checked.
   *
   * @throws CorruptObject ObjectMissing
   */
  async getBlob(digest: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.backend.get(names.blob(digest));
    if (bytes === null) throw this.#missing("blob", names.blob(digest));
    if (sha256(bytes) !== digest) throw this.#corrupt(names.blob(digest));
    return bytes;
  }

  /**
   * A file of this machine with a blob's bytes, checked, to be read in parts where the whole does not fit into memory.
   *
   * @param options.check `false`: not checked, for whoever checks what it reads by hashes of its own. @default true
   *
   * @throws CorruptObject ObjectMissing
   */
  async blobFile(digest: string, options: { check?: boolean } = {}): Promise<string> {
    const path = await this.backend.localFile(names.blob(digest));
    if (path === null) throw this.#missing("blob", names.blob(digest));
    if (options.check !== false && (await fileDigest(path)) !== digest) throw this.#corrupt(names.blob(digest));
    return path;
  }

  /** What a blob's place is called, for people: its path in a folder. Not checked; `blobFile` is for reading. */
  blobPath(digest: string): string {
    return this.backend.locate(names.blob(digest));
  }

  /**
   * Makes an artifact of blobs that are in the store: its digest covers kind, blobs, inputs and meta, and nothing else.
   *
   * @throws ObjectMissing when a blob or an input is not there
   */
  async publish(content: ArtifactContent): Promise<string> {
    for (const [name, ref] of Object.entries(content.blobs)) {
      const head = await this.backend.head(names.blob(ref.digest));
      if (head?.bytes !== ref.bytes)
        throw this.#missing(`blob "${name}" of the new ${content.kind}`, names.blob(ref.digest));
    }
    for (const [name, digest] of Object.entries(content.inputs)) {
      if ((await this.backend.head(names.manifest(digest))) === null) {
        throw this.#missing(`input "${name}" of the new ${content.kind}`, names.manifest(digest));
      }
    }
    const { kind, blobs, inputs, meta } = content;
    const whole = manifest.parse({ format: storeFormat, kind, blobs, inputs, meta });
    return (await this.backend.putContent(encode(whole), names.manifest)).digest;
  }

  /**
   * What an artifact is made of.
   *
   * @throws ObjectMissing CorruptObject StoreFormatError
   */
  async manifest(digest: string): Promise<Manifest> {
    const name = names.manifest(digest);
    const bytes = isDigest(digest) ? await this.backend.get(name) : null;
    if (bytes === null) throw this.#missing("artifact", name);
    if (sha256(bytes) !== digest) throw this.#corrupt(name);
    return parseFile(manifest, bytes, this.backend.locate(name));
  }

  /** The bytes of one of an artifact's blobs, by its name there. */
  async artifactBlob(digest: string, blobName: string): Promise<Uint8Array<ArrayBuffer>> {
    const { kind, blobs } = await this.manifest(digest);
    const ref = blobs[blobName];
    if (ref === undefined) throw this.#missing(`blob "${blobName}" of a ${kind}`, names.manifest(digest));
    return this.getBlob(ref.digest);
  }

  /** All artifacts' digests. */
  async artifacts(): Promise<string[]> {
    return (await this.backend.list("manifests"))
      .map(({ name }) => name.slice("manifests/".length, -".json".length))
      .filter(isDigest);
  }

  /**
   * An artifact and all that it was made from, each once, what is used before what uses it.
   *
   * @throws ObjectMissing CorruptObject StoreFormatError
   */
  async lineage(digest: string): Promise<Artifact[]> {
    const found = new Map<string, Artifact>();
    const visit = async (at: string): Promise<void> => {
      if (found.has(at)) return;
      const read = await this.manifest(at);
      for (const input of Object.values(read.inputs)) await visit(input);
      found.set(at, { digest: at, manifest: read });
    };
    await visit(digest);
    return [...found.values()];
  }

  /** What is known about a stage key; an artifact that lost a part is told from one that is whole by sizes, not by reading all. */
  async result(key: string): Promise<Lookup> {
    const bytes = await this.backend.get(names.result(key));
    if (bytes === null) return { state: "absent" };
    const result = unlessCorrupt(() => parseFile(stageResult, bytes, this.backend.locate(names.result(key))));
    if (result?.key !== key) return { state: "incomplete", problem: "its file is damaged" };
    const problem = await this.incomplete(result.artifact);
    return problem === null ? { state: "hit", result } : { state: "incomplete", problem };
  }

  /** Results of all stages, or of one, in the order of their keys. Damaged ones are left out: `verify` names them. */
  async results(stage?: string): Promise<StageResult[]> {
    const all = await Promise.all(
      (await this.backend.list("results")).map(async ({ name }) => {
        const bytes = await this.backend.get(name);
        if (bytes === null) return [];
        return unlessCorrupt(() => parseFile(stageResult, bytes, this.backend.locate(name))) ?? [];
      }),
    );
    return all.flat().filter((result) => stage === undefined || result.stage === stage);
  }

  /**
   * Notes what a stage gave under its key. From then on the stage is found finished.
   *
   * @returns the artifact that an earlier result under this key had, when it was another one
   * @throws ObjectMissing when the artifact is not in the store
   */
  async finish(key: string, result: Omit<StageResult, "key" | "format">): Promise<{ replaced: string | null }> {
    if (digestOf(result.parts) !== key)
      throw new TypeError(`the key of ${result.stage} is not the digest of its parts`);
    const problem = await this.incomplete(result.artifact);
    if (problem !== null) throw this.#missing(`artifact of ${result.stage}`, names.manifest(result.artifact));
    const before = await this.backend.get(names.result(key));
    await this.backend.put(names.result(key), encode(stageResult.parse({ format: storeFormat, key, ...result })));
    const earlier = before === null ? null : unlessCorrupt(() => parseFile(stageResult, before, names.result(key)));
    return { replaced: earlier === null || earlier.artifact === result.artifact ? null : earlier.artifact };
  }

  /** The checkpoints of a stage. Only the holder of its lease may save or clear them. */
  checkpoints(key: string): Checkpoints {
    return new Checkpoints(this.backend, key);
  }

  /**
   * The right to work on a stage.
   *
   * @throws LeaseHeld when another process has it
   */
  async lease(key: string, owner: string): Promise<Lease> {
    return Lease.acquire(this.backend, key, owner);
  }

  /** What an artifact lacks, in a few words; null when its manifest and all blobs are there in full length. */
  async incomplete(digest: string): Promise<string | null> {
    try {
      const { blobs } = await this.manifest(digest);
      for (const [name, ref] of Object.entries(blobs)) {
        const head = await this.backend.head(names.blob(ref.digest));
        if (head === null) return `its blob "${name}" is missing`;
        if (head.bytes !== ref.bytes) return `its blob "${name}" has ${head.bytes} bytes and should have ${ref.bytes}`;
      }
      return null;
    } catch (error) {
      if (error instanceof ObjectMissing) return "its manifest is missing";
      if (error instanceof CorruptObject) return "its manifest is damaged";
      throw error;
    }
  }

  #missing(what: string, name: string): ObjectMissing {
    const path = this.backend.locate(name);
    return new ObjectMissing(`${what} is not in the store: ${path}`, {
      path,
      remedy: "Check the name with `./peco artifacts ls`, or start `./peco run` again: what is missing is made anew.",
    });
  }

  #corrupt(name: string): CorruptObject {
    const path = this.backend.locate(name);
    return new CorruptObject(`${path} is damaged: its bytes do not match its name`, { path, remedy: corruptRemedy });
  }
}

function unlessCorrupt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptObject) return null;
    throw error;
  }
}
