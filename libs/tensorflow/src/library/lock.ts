import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How a lock is waited for. The defaults are for real use; tests shorten them. */
export interface LockTiming {
  /** How often a waiting process looks, and an owner says that it lives. @default 500 */
  readonly pollMs?: number;
  /** An owner that has not said so for this long while it was watched is taken for gone. @default 30000 */
  readonly goneAfterMs?: number;
}

interface Owner {
  /** Name of the owner's file: `owner.<process id>.<unique>.<host>`; empty when the lock has none. */
  readonly file: string;
  readonly beat: number;
}

/**
 * Runs `body` while no other process runs one under the same lock, and hands it a folder of its own to work in, which is
 * removed afterwards.
 *
 * The lock is the folder `path`; it appears by the rename of a folder that already holds its owner's file, whose name
 * says who that is, so there is never a lock without owner. A lock whose owner is gone (no such process on this host, or
 * no heartbeat while it was watched: another host, a process id used again) is taken over by the rename of the owner's
 * file, which one contender wins. What a dead owner left in the folder goes with it. Clocks of different machines are
 * never compared.
 */
export async function withLock<T>(
  path: string,
  body: (work: string) => Promise<T>,
  onWait: (owner: string) => void = () => {},
  { pollMs = 500, goneAfterMs = 30_000 }: LockTiming = {},
): Promise<T> {
  const token = `owner.${process.pid}.${randomUUID()}.${encodeURIComponent(hostname())}`;
  await acquire(path, token, onWait, pollMs, goneAfterMs);
  const file = join(path, token);
  const heart = setInterval(() => {
    const now = new Date();
    // A lock that was taken over shows in the body's own errors, since its work folder is gone.
    utimes(file, now, now).catch(() => {});
  }, pollMs);
  const work = join(path, `work.${token}`);
  try {
    await mkdir(work);
    return await body(work);
  } finally {
    clearInterval(heart);
    await rm(work, { recursive: true, force: true });
    await release(path, token);
  }
}

async function acquire(
  path: string,
  token: string,
  onWait: (owner: string) => void,
  pollMs: number,
  goneAfterMs: number,
): Promise<void> {
  let seen: { file: string; beat: number; since: number } | undefined;
  let told = false;
  for (;;) {
    if (await tryCreate(path, token)) return;
    const owner = await readOwner(path);
    const now = performance.now();
    if (seen?.file !== owner.file || seen.beat !== owner.beat) seen = { ...owner, since: now };
    // Containers may share a host's name and not its process ids, so a dead one must have been still for a while, too.
    if (now - seen.since > (isDead(owner) ? 4 * pollMs : goneAfterMs)) {
      if (await takeOver(path, owner, token)) return;
    } else if (!told && owner.file !== "") {
      told = true;
      const [, pid, , ...host] = owner.file.split(".");
      onWait(`process ${pid} on ${decodeURIComponent(host.join("."))}`);
    }
    await sleep(pollMs);
  }
}

/** Makes the lock with its owner in one step: a rename onto a folder that holds something fails. */
async function tryCreate(path: string, token: string): Promise<boolean> {
  const fresh = `${path}.${token}`;
  await mkdir(fresh, { recursive: true });
  await writeFile(join(fresh, token), "");
  try {
    await rename(fresh, path);
    return true;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST"].includes(codeOf(error))) return false;
    throw error;
  }
}

async function takeOver(path: string, owner: Owner, token: string): Promise<boolean> {
  try {
    // Nobody's lock is not made here; it is cleared, and the next round tries for it.
    if (owner.file === "") await rm(path, { recursive: true, force: true });
    else await rename(join(path, owner.file), join(path, token));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
  if (owner.file === "") return false;
  for (const name of await readdir(path))
    if (name !== token) await rm(join(path, name), { recursive: true, force: true });
  return true;
}

async function release(path: string, token: string): Promise<void> {
  const mine = await stat(join(path, token)).then(
    () => true,
    () => false,
  );
  // Away by rename first: nobody sees a lock that is half removed.
  if (mine) await rename(path, `${path}.done.${token}`).catch(() => {});
  await rm(`${path}.done.${token}`, { recursive: true, force: true });
}

async function readOwner(path: string): Promise<Owner> {
  try {
    const file = (await readdir(path)).find((name) => name.startsWith("owner."));
    if (file !== undefined) return { file, beat: (await stat(join(path, file))).mtimeMs };
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  return { file: "", beat: 0 };
}

/** Whether the owner is known to be gone: a process of this host that no longer runs. */
function isDead({ file }: Owner): boolean {
  const [, pid, , ...host] = file.split(".");
  if (file === "" || host.join(".") !== encodeURIComponent(hostname())) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
