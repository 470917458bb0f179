import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend.ts";
import { LeaseHeld, LeaseLost } from "./errors.ts";
import { encode, parseFile } from "./json-file.ts";
import { stateOf, thisProcess } from "./process-identity.ts";
import { type LeaseFile, leaseFile, storeFormat } from "./schemas.ts";

/** A holder that has not been heard of for this long is taken for dead, wherever it is. */
export const staleAfterMs = 60_000;
const heartbeatEveryMs = 10_000;

/** The name of the pointer that holds a stage's lease. */
export function leaseName(key: string): string {
  return `leases/${key}.pointer`;
}

/** Whether a lease's holder is gone: its process ended (seen on the same host), or its last heartbeat is too old. */
export async function isStale(lease: LeaseFile): Promise<boolean> {
  return Date.now() - lease.heartbeatMs > staleAfterMs || (await stateOf(lease.process)) === "gone";
}

/** The right to work on a stage, for one process at a time. Released by `release`, or at the end of an `await using`. */
export class Lease implements AsyncDisposable {
  readonly key: string;
  readonly #backend: Backend;
  readonly #stop = new AbortController();
  #file: LeaseFile;
  #version: string;
  #beating: Promise<void> = Promise.resolve();

  private constructor(backend: Backend, file: LeaseFile, version: string) {
    this.key = file.key;
    this.#backend = backend;
    this.#file = file;
    this.#version = version;
  }

  /**
   * Takes a stage's lease, also from a holder that is gone.
   *
   * @param owner what this holder is to be called in others' messages, such as `run 20260102-030405-abcd, stage pretrain`
   * @throws LeaseHeld when another process has it, naming that process
   */
  static async acquire(backend: Backend, key: string, owner: string): Promise<Lease> {
    const process = await thisProcess();
    for (;;) {
      const current = await backend.readPointer(leaseName(key));
      if (current !== null) {
        const holder = parseFile(leaseFile, current.value, backend.locate(leaseName(key)));
        if (!(await isStale(holder))) throw held(holder, backend.locate(leaseName(key)));
      }
      const now = Date.now();
      const file: LeaseFile = { format: storeFormat, key, owner, process, acquiredMs: now, heartbeatMs: now };
      const version = await backend.swapPointer(leaseName(key), current?.version ?? null, encode(file));
      if (version !== null) return new Lease(backend, file, version);
    }
  }

  /**
   * Says that the holder is alive. Needed at least once a minute; `keep` does it by itself.
   *
   * @throws LeaseLost when another process has taken the lease over
   */
  async heartbeat(): Promise<void> {
    const file = { ...this.#file, heartbeatMs: Date.now() };
    const version = await this.#backend.swapPointer(leaseName(this.key), this.#version, encode(file));
    if (version === null) throw await this.#lost();
    this.#file = file;
    this.#version = version;
  }

  /** Sends a heartbeat every ten seconds until the release. `onLost` hears once of a lease that was lost, or of a store that fails. */
  keep(onLost: (error: unknown) => void, everyMs = heartbeatEveryMs): void {
    this.#beating = this.#beat(everyMs).catch(onLost);
  }

  /** Gives the lease back; nothing happens when another has it by now. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    await this.#backend.clearPointer(leaseName(this.key), this.#version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #beat(everyMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { ref: false, signal }).catch(() => {});
      if (!signal.aborted) await this.heartbeat();
    }
  }

  async #lost(): Promise<LeaseLost> {
    const path = this.#backend.locate(leaseName(this.key));
    const current = await this.#backend.readPointer(leaseName(this.key));
    const by =
      current === null ? "another process, which has ended since" : describe(parseFile(leaseFile, current.value, path));
    return new LeaseLost(`the lease on this stage was taken over by ${by}`, {
      path,
      remedy: "Start the command again; it goes on from the last checkpoint.",
    });
  }
}

function held(holder: LeaseFile, path: string): LeaseHeld {
  return new LeaseHeld(`another process works on this stage: ${describe(holder)}`, {
    path,
    remedy: `Wait until it has finished, or stop process ${holder.process.pid} and start again.`,
  });
}

function describe(holder: LeaseFile): string {
  const [host] = holder.process.host.split(" ");
  return `${holder.owner} (process ${holder.process.pid} on ${host}, since ${new Date(holder.acquiredMs).toISOString()})`;
}
