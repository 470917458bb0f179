import { checkpointFolder, checkpointPointerName } from "./checkpoints.ts";
import { CorruptObject, ObjectMissing } from "./errors.ts";
import { temporaryFolder } from "./folder-backend.ts";
import { parseFile } from "./json-file.ts";
import { isStale, leaseName } from "./lease.ts";
import { type LeaseFile, leaseFile, type Manifest } from "./schemas.ts";
import { names, type Store } from "./store.ts";

/** How long an object that nothing refers to is left alone without a lease: a publication may be about to refer to it. */
const graceMs = 60_000;
/** How long a cleared pointer is kept: longer than any process sleeps between reading it and swapping it. */
const clearedMs = 86_400_000;

/** What takes space in a store, in bytes. */
export interface Usage {
  readonly artifacts: number;
  readonly checkpoints: number;
  readonly runs: number;
  /** Picture files of generated sets; they are made anew when they are needed. */
  readonly generated: number;
  /** What `collect` would free, of the above and of unfinished files. */
  readonly garbage: number;
  readonly total: number;
}

/** An object that nothing needs. */
export interface Garbage {
  readonly kind: "blob" | "manifest" | "result" | "checkpoint" | "lease" | "cleared" | "unfinished" | "run";
  readonly name: string;
  readonly bytes: number;
}

/** What to collect beside what nobody can reach. */
export interface CollectOptions {
  /** Only say what would go. */
  readonly dryRun?: boolean;
  /** Only garbage of these kinds. @default all */
  readonly only?: readonly Garbage["kind"][];
  /** Also results that no run refers to, and with them their artifacts. */
  readonly unusedResults?: boolean;
  /** Also the checkpoints of unfinished stages that nobody works on: those stages start from nothing. */
  readonly checkpoints?: boolean;
  /** @default 60000 */
  readonly graceMs?: number;
}

/** What takes space in the store. */
export async function usage(store: Store): Promise<Usage> {
  const sum = async (prefix: string): Promise<number> =>
    (await store.backend.list(prefix)).reduce((bytes, entry) => bytes + entry.bytes, 0);
  const artifacts = (await sum("blobs")) + (await sum("manifests")) + (await sum("results"));
  const checkpoints = await sum("checkpoints");
  const runs = await sum("runs");
  const generated = await sum("generated");
  const garbage = (await collect(store, { dryRun: true })).reduce((bytes, item) => bytes + item.bytes, 0);
  return {
    artifacts,
    checkpoints,
    runs,
    generated,
    garbage,
    total: artifacts + checkpoints + runs + generated + (await sum(temporaryFolder)),
  };
}

/**
 * Removes what cannot be reached from results, checkpoints and runs, and what kills left behind.
 *
 * While anybody holds a lease, nothing that was written since the oldest live lease began is touched.
 *
 * @returns what was removed, or with `dryRun` would be
 */
export async function collect(store: Store, options: CollectOptions = {}): Promise<Garbage[]> {
  const live = await liveLeases(store);
  const before = Math.min(Date.now() - (options.graceMs ?? graceMs), ...live.map(({ acquiredMs }) => acquiredMs));
  const found = [
    ...(options.unusedResults ? await unusedResults(store, before) : []),
    ...(await staleCheckpoints(store, new Set(live.map(({ key }) => key)), before, options.checkpoints ?? false)),
    ...(await deadLeases(store, live)),
    ...(await clearedPointers(store)),
    ...(await old(store, temporaryFolder, before, "unfinished")),
    ...(await runsWithoutRecord(store, before)),
  ];
  found.push(...(await unreachable(store, before, new Set(found.map(({ name }) => name)))));
  const wanted = options.only === undefined ? found : found.filter(({ kind }) => options.only?.includes(kind));
  if (options.dryRun) return wanted;
  const removed: Garbage[] = [];
  for (const item of wanted) if (await remove(store, item, before)) removed.push(item);
  return removed;
}

/** Leases whose holders are gone. */
async function deadLeases(store: Store, live: readonly LeaseFile[]): Promise<Garbage[]> {
  const held = new Set(live.map(({ key }) => leaseName(key)));
  const all = await store.backend.list("leases");
  return all
    .filter(({ name, bytes }) => bytes > 0 && !held.has(name))
    .map(({ name, bytes }) => ({ kind: "lease", name, bytes }));
}

/** Pointers without a value that nobody has used for a day. */
async function clearedPointers(store: Store): Promise<Garbage[]> {
  const all = [...(await store.backend.list("leases")), ...(await store.backend.list("checkpoints"))];
  return all
    .filter(
      ({ name, bytes, modifiedMs }) => name.endsWith(".pointer") && bytes === 0 && modifiedMs < Date.now() - clearedMs,
    )
    .map(({ name }) => ({ kind: "cleared", name, bytes: 0 }));
}

async function old(store: Store, prefix: string, before: number, kind: Garbage["kind"]): Promise<Garbage[]> {
  const entries = await store.backend.list(prefix);
  return entries.filter((entry) => entry.modifiedMs < before).map(({ name, bytes }) => ({ kind, name, bytes }));
}

async function runsWithoutRecord(store: Store, before: number): Promise<Garbage[]> {
  const found: Garbage[] = [];
  for (const { id, modifiedMs } of await store.runs.withoutRecord()) {
    const entries = await store.backend.list(`runs/${id}`);
    const newest = Math.max(modifiedMs, ...entries.map((entry) => entry.modifiedMs));
    if (newest < before)
      found.push({ kind: "run", name: id, bytes: entries.reduce((bytes, entry) => bytes + entry.bytes, 0) });
  }
  return found;
}

async function unusedResults(store: Store, before: number): Promise<Garbage[]> {
  const used = new Set((await runStages(store)).map(({ key }) => key));
  const all = await old(store, "results", before, "result");
  return all.filter(({ name }) => !used.has(name.slice("results/".length, -".json".length)));
}

async function runStages(store: Store): Promise<{ key: string | null; artifact: string | null }[]> {
  const stages = await Promise.all(
    (await store.runs.list()).map(async (id) => {
      const run = await readable(() => store.runs.read(id));
      return run?.stages ?? [];
    }),
  );
  return stages.flat();
}

/** Checkpoints of finished stages, those that a kill left without a pointer, and with `all` every one that nobody works on. */
async function staleCheckpoints(
  store: Store,
  live: ReadonlySet<string>,
  before: number,
  all: boolean,
): Promise<Garbage[]> {
  const entries = (await store.backend.list("checkpoints")).filter(({ bytes }) => bytes > 0);
  const keys = new Set(entries.map(({ name }) => name.split("/")[1] ?? ""));
  const found: Garbage[] = [];
  for (const key of keys) {
    if (live.has(key)) continue;
    const own = entries.filter(({ name }) => name.startsWith(`${checkpointFolder(key)}/`));
    if (own.some(({ modifiedMs }) => modifiedMs >= before)) continue;
    const pointed = own.some(({ name }) => name === checkpointPointerName(key));
    if (all || !pointed || (await store.result(key)).state === "hit") {
      // the pointer first: a kill in between must not leave one to what is gone
      own.sort((a) => (a.name === checkpointPointerName(key) ? -1 : 1));
      found.push(...own.map(({ name, bytes }): Garbage => ({ kind: "checkpoint", name, bytes })));
    }
  }
  return found;
}

/** Manifests, then blobs, that no result, run or new manifest leads to. */
async function unreachable(store: Store, before: number, going: ReadonlySet<string>): Promise<Garbage[]> {
  const manifests = await store.backend.list("manifests");
  const blobs = await store.backend.list("blobs");
  const kept = new Map<string, Manifest>();
  const reach = async (digest: string): Promise<void> => {
    if (kept.has(digest)) return;
    const manifest = await readable(() => store.manifest(digest));
    if (manifest === null) return;
    kept.set(digest, manifest);
    for (const input of Object.values(manifest.inputs)) await reach(input);
  };
  for (const { artifact } of await runStages(store)) if (artifact !== null) await reach(artifact);
  for (const { key, artifact } of await store.results()) if (!going.has(names.result(key))) await reach(artifact);
  for (const { name, modifiedMs } of manifests) {
    if (modifiedMs >= before) await reach(name.slice("manifests/".length, -".json".length));
  }
  const needed = new Set<string>();
  for (const [digest, manifest] of kept) {
    needed.add(names.manifest(digest));
    for (const ref of Object.values(manifest.blobs)) needed.add(names.blob(ref.digest));
  }
  const useless = (kind: Garbage["kind"], entries: typeof blobs): Garbage[] =>
    entries
      .filter(({ name, modifiedMs }) => modifiedMs < before && !needed.has(name))
      .map(({ name, bytes }) => ({ kind, name, bytes }));
  return [...useless("manifest", manifests), ...useless("blob", blobs)];
}

async function remove(store: Store, { kind, name }: Garbage, before: number): Promise<boolean> {
  if (kind === "run") {
    await store.runs.remove(name);
    return true;
  }
  if (kind === "cleared") {
    await store.backend.delete(name);
    return true;
  }
  if (name.endsWith(".pointer")) {
    const pointer = await store.backend.readPointer(name);
    if (pointer === null) return false;
    if (kind === "lease" && !(await isStale(parseFile(leaseFile, pointer.value, store.backend.locate(name)))))
      return false;
    return store.backend.clearPointer(name, pointer.version);
  }
  // someone may have put it again since it was listed
  const head = await store.backend.head(name);
  if (head === null || head.modifiedMs >= before) return false;
  await store.backend.delete(name);
  return true;
}

async function readable<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CorruptObject || error instanceof ObjectMissing) return null;
    throw error;
  }
}

/** The leases of those who work on the store's stages now. */
export async function liveLeases(store: Store): Promise<LeaseFile[]> {
  const found: LeaseFile[] = [];
  for (const { name } of await store.backend.list("leases")) {
    const pointer = await store.backend.readPointer(name);
    if (pointer === null) continue;
    const lease = parseFile(leaseFile, pointer.value, store.backend.locate(name));
    if (!(await isStale(lease))) found.push(lease);
  }
  return found;
}

/** Whether anybody works on a stage now. */
export async function isLeased(store: Store, key: string): Promise<boolean> {
  const pointer = await store.backend.readPointer(leaseName(key));
  return (
    pointer !== null && !(await isStale(parseFile(leaseFile, pointer.value, store.backend.locate(leaseName(key)))))
  );
}
