import { checkpointFolder, checkpointPointerName } from "./checkpoints.ts";
import { CorruptObject } from "./errors.ts";
import { fileDigest } from "./folder-backend.ts";
import { isLeased } from "./garbage.ts";
import { parseFile } from "./json-file.ts";
import { checkpointManifest, checkpointPointer, leaseFile, manifest, stageResult } from "./schemas.ts";
import { names, type Store } from "./store.ts";

/** Something in the store that is not what it should be. */
export interface Damage {
  readonly path: string;
  readonly problem: string;
  /** Whether `remove` took it away; what is merely missing cannot be. */
  readonly removed: boolean;
}

/** What a verification read and found. */
export interface Verification {
  readonly objects: number;
  readonly bytes: number;
  readonly damage: readonly Damage[];
}

/**
 * Reads objects and compares them with the SHA-256 that names them and with their schemas.
 *
 * @param what an artifact's digest, for it and its lineage, or `all` for everything in the store
 * @param options.remove takes damaged files away, so that what they held is made anew
 */
export async function verify(store: Store, what: string, options: { remove?: boolean } = {}): Promise<Verification> {
  const check = new Check(store, options.remove ?? false);
  if (what === "all") await check.everything();
  else await check.artifact(what, new Set());
  return check;
}

class Check implements Verification {
  objects = 0;
  bytes = 0;
  readonly damage: Damage[] = [];
  readonly #store: Store;
  readonly #remove: boolean;
  readonly #seen = new Set<string>();

  constructor(store: Store, remove: boolean) {
    this.#store = store;
    this.#remove = remove;
  }

  async everything(): Promise<void> {
    const { backend } = this.#store;
    for (const { name } of await backend.list("blobs"))
      await this.#content(name, name.slice(name.lastIndexOf("/") + 1));
    const artifacts = new Set<string>();
    for (const digest of await this.#store.artifacts()) await this.artifact(digest, artifacts);
    for (const { name } of await backend.list("results")) await this.#result(name);
    for (const key of new Set((await backend.list("checkpoints")).map(({ name }) => name.split("/")[1] ?? ""))) {
      await this.#checkpoints(key);
    }
    for (const { name } of await backend.list("leases")) await this.#pointer(name, leaseFile);
    for (const id of await this.#store.runs.list()) await this.#run(id);
  }

  /** An artifact with its blobs and inputs. */
  async artifact(digest: string, done: Set<string>): Promise<void> {
    if (done.has(digest)) return;
    done.add(digest);
    const name = names.manifest(digest);
    const content = await this.#file(name, digest, manifest);
    if (content === null) return;
    for (const [blob, ref] of Object.entries(content.blobs)) {
      await this.#content(names.blob(ref.digest), ref.digest, `blob "${blob}" of the ${content.kind} ${digest}`);
    }
    for (const input of Object.values(content.inputs)) await this.artifact(input, done);
  }

  async #result(name: string): Promise<void> {
    const result = await this.#file(name, null, stageResult);
    if (result === null) return;
    const problem = await this.#store.incomplete(result.artifact);
    if (problem !== null) await this.#note(name, `it names an artifact that is not whole: ${problem}`, this.#remove);
  }

  async #checkpoints(key: string): Promise<void> {
    // whoever works on the stage takes old ones away meanwhile, and checks what it reads itself
    if (await isLeased(this.#store, key)) return;
    const pointer = await this.#pointer(checkpointPointerName(key), checkpointPointer);
    for (const digest of pointer?.checkpoints ?? []) {
      const content = await this.#file(`${checkpointFolder(key)}/manifests/${digest}.json`, digest, checkpointManifest);
      for (const ref of Object.values(content?.blobs ?? {}))
        await this.#content(`${checkpointFolder(key)}/blobs/${ref.digest}`, ref.digest);
    }
  }

  async #run(id: string): Promise<void> {
    try {
      await this.#store.runs.read(id);
      this.objects++;
    } catch (error) {
      if (!(error instanceof CorruptObject)) throw error;
      if (this.#remove) await this.#store.runs.remove(id);
      this.damage.push({ path: error.path, problem: error.message, removed: this.#remove });
    }
  }

  async #pointer<S extends Parameters<typeof parseFile>[0]>(
    name: string,
    schema: S,
  ): Promise<ReturnType<typeof parseFile<S>> | null> {
    const { backend } = this.#store;
    const current = await backend.readPointer(name);
    if (current === null) return null;
    this.objects++;
    this.bytes += current.value.length;
    try {
      return parseFile(schema, current.value, backend.locate(name));
    } catch (error) {
      if (!(error instanceof CorruptObject)) throw error;
      if (this.#remove) await backend.clearPointer(name, current.version);
      this.damage.push({ path: error.path, problem: error.message, removed: this.#remove });
      return null;
    }
  }

  /** A JSON file, checked against its digest (when its name is one) and its schema; null when it is damaged or missing. */
  async #file<S extends Parameters<typeof parseFile>[0]>(
    name: string,
    digest: string | null,
    schema: S,
  ): Promise<ReturnType<typeof parseFile<S>> | null> {
    if (digest !== null && !(await this.#content(name, digest))) return null;
    const bytes = await this.#store.backend.get(name);
    if (bytes === null) return null;
    if (digest === null) this.#count(name, bytes.length);
    try {
      return parseFile(schema, bytes, this.#store.backend.locate(name));
    } catch (error) {
      if (!(error instanceof CorruptObject)) throw error;
      await this.#note(name, error.message, this.#remove);
      return null;
    }
  }

  /** Whether bytes match the digest that names them. Each object is read once. */
  async #content(name: string, digest: string, called = name): Promise<boolean> {
    const { backend } = this.#store;
    if (this.#seen.has(name)) return true;
    const path = await backend.localFile(name);
    if (path === null) {
      await this.#note(name, `${called} is missing`, false);
      return false;
    }
    this.#count(name, (await backend.head(name))?.bytes ?? 0);
    if ((await fileDigest(path)) === digest) return true;
    await this.#note(name, "its bytes do not match its name", this.#remove);
    return false;
  }

  #count(name: string, bytes: number): void {
    this.#seen.add(name);
    this.objects++;
    this.bytes += bytes;
  }

  async #note(name: string, problem: string, remove: boolean): Promise<void> {
    if (remove) await this.#store.backend.delete(name);
    this.damage.push({ path: this.#store.backend.locate(name), problem, removed: remove });
  }
}
