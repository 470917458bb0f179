import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { cacheFolder, type Library, manifestName, readInstalled } from "./cache.ts";
import type { Distribution, Wheel } from "./distribution.ts";
import { CacheNotWritableError, WheelMismatchError, WrongLibraryError } from "./errors.ts";
import { download, findInstaller, type Installer } from "./installer.ts";
import { type LockTiming, withLock } from "./lock.ts";
import { Progress } from "./progress.ts";
import { unzip } from "./unzip.ts";

/** How a library is fetched; tests set all of it. */
export interface FetchOptions {
  /** Takes one line of text at a time. */
  readonly log: (line: string) => void;
  /** Environment for the cache's place and for pip or uv. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  readonly lock?: LockTiming;
}

/**
 * Brings a distribution into the per-user cache and returns where it lies; at once when it is there and whole.
 * Of several processes that start together one fetches and the others wait for it. The folder appears under its final
 * name only when everything in it is complete and on the disk.
 *
 * Throws `InstallerMissingError`, `DownloadError`, `WheelMismatchError` or `CacheNotWritableError`.
 */
export async function fetchLibrary(
  distribution: Distribution,
  { log, env = process.env, lock = {} }: FetchOptions,
): Promise<Library> {
  const cache = cacheFolder(env);
  const found = readInstalled(distribution, cache);
  if (found !== undefined) return found;
  try {
    await mkdir(cache, { recursive: true });
    const wait = (owner: string) => log(`waiting for ${owner}, which is fetching TensorFlow`);
    return await withLock(
      join(cache, `${distribution.folder}.lock`),
      async (work) => readInstalled(distribution, cache) ?? (await fetchInto(cache, work, distribution, { log, env })),
      wait,
      lock,
    );
  } catch (error) {
    throw storageFailure(error, cache) ?? error;
  }
}

async function fetchInto(
  cache: string,
  work: string,
  distribution: Distribution,
  { log, env }: { log: (line: string) => void; env: NodeJS.ProcessEnv },
): Promise<Library> {
  const installer = await findInstaller(env);
  await checkSpace(cache, distribution);
  const fresh = join(work, "fresh");
  await mkdir(fresh);
  const files: Record<string, number> = {};
  for (const wheel of distribution.wheels) {
    const part = join(work, wheel.project);
    await mkdir(part);
    const kept = await bring(installer, wheel, part, fresh, { log, env });
    for (const [name, bytes] of kept) files[name] = bytes;
    await rm(part, { recursive: true });
  }
  for (const name of [distribution.cc, distribution.framework])
    if (files[name] === undefined)
      throw new WrongLibraryError(
        `The wheel holds no ${name}.`,
        "Set LIBTENSORFLOW_DIR to a libtensorflow of your own.",
      );
  await writeFile(join(fresh, manifestName), `${JSON.stringify(files, null, 2)}\n`, { flush: true });
  const folder = join(cache, distribution.folder);
  // What is there is broken, or it would have been used.
  await rename(folder, join(work, "broken")).catch(() => {});
  await rename(fresh, folder);
  const installed = readInstalled(distribution, cache);
  if (installed === undefined)
    throw new CacheNotWritableError(`${folder} changed while it was written.`, "Try again.", { path: folder });
  log(`TensorFlow ${distribution.version} is ready in ${folder}`);
  return installed;
}

/** Downloads one wheel into `part` and leaves what is kept of it in `fresh`; returns those files' names and sizes. */
async function bring(
  installer: Installer,
  wheel: Wheel,
  part: string,
  fresh: string,
  { log, env }: { log: (line: string) => void; env: NodeJS.ProcessEnv },
): Promise<Map<string, number>> {
  const name = `${wheel.project} ${wheel.version}`;
  log(`fetching ${name} with ${installer.kind} (${megabytes(wheel.bytes)}, ${megabytes(wheel.keptBytes)} kept)`);
  const arriving = Progress.ofFolder(
    `fetching ${name}`,
    part,
    installer.kind === "pip" ? wheel.bytes : wheel.keptBytes,
    log,
  );
  const delivery = await download(installer, wheel, part, env).finally(() => arriving.stop());
  if ("unpacked" in delivery) return await moveKept(delivery.unpacked, wheel.keep, fresh);
  await checkHash(delivery.wheel, wheel);
  const unpacking = new Progress(`unpacking ${name}`, wheel.keptBytes, log);
  return await unzip(
    delivery.wheel,
    fresh,
    (file) => wheel.keep.test(file),
    (bytes) => unpacking.add(bytes),
  ).finally(() => unpacking.stop());
}

async function checkHash(path: string, wheel: Wheel): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const sha256 = hash.digest("hex");
  if (sha256 === wheel.sha256) return;
  throw new WheelMismatchError(
    `What was delivered as ${wheel.project} ${wheel.version} is not the file that is pinned here: SHA-256 ${sha256} (${bytes} bytes) instead of ${wheel.sha256} (${wheel.bytes} bytes).`,
    "Try again; if it stays so, the package index or mirror in your pip settings serves another file.",
  );
}

/** Moves the kept files of an unpacked wheel. */
async function moveKept(from: string, keep: RegExp, to: string): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(from, path);
    if (!entry.isFile() || !keep.test(name)) continue;
    await mkdir(dirname(join(to, name)), { recursive: true });
    await rename(path, join(to, name));
    kept.set(name, (await stat(join(to, name))).size);
  }
  return kept;
}

async function checkSpace(cache: string, distribution: Distribution): Promise<void> {
  const sum = (pick: (wheel: Wheel) => number) => distribution.wheels.reduce((total, wheel) => total + pick(wheel), 0);
  const largest = Math.max(...distribution.wheels.map(({ bytes }) => bytes));
  // uv unpacks all of a wheel, for a while; pip moves it from one temporary folder to another.
  const needed = sum(({ keptBytes }) => keptBytes) + 2 * largest + 50e6;
  const { bavail, bsize } = await statfs(cache);
  if (bavail * bsize >= needed) return;
  throw new CacheNotWritableError(
    `${cache} has ${megabytes(bavail * bsize)} free, and fetching TensorFlow takes ${megabytes(needed)} there.`,
    "Free some space, or set XDG_CACHE_HOME to a folder on a larger disk.",
    { path: cache },
  );
}

const storageCodes = new Map([
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "it is read-only"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["EEXIST", "a file is in its place"],
]);

function storageFailure(error: unknown, cache: string): CacheNotWritableError | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = storageCodes.get(code);
  if (why === undefined) return undefined;
  return new CacheNotWritableError(
    `The cache for TensorFlow's library, ${cache}, can't be written: ${why}.`,
    "Make room or make it writable, or set XDG_CACHE_HOME to another folder.",
    { path: cache, cause: error },
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
