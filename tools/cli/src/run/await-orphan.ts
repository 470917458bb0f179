import { setTimeout as sleep } from "node:timers/promises";
import { liveLeases, type Store, stateOf } from "@peco/artifacts";

/** Longer than a service takes to write its last checkpoint and end. */
const patienceMs = 30_000;

/**
 * Waits for the service of a command line that was killed. It has the lease on the stage until it has seen that its
 * command line is gone and has written a checkpoint; a run that is alive is not waited for.
 */
export async function awaitOrphan(
  store: Store,
  key: string,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const until = Date.now() + patienceMs;
  for (let told = false; Date.now() < until && !signal.aborted; told = true) {
    const lease = (await liveLeases(store)).find((each) => each.key === key);
    if (lease === undefined || !(await isOrphan(store, lease.owner))) return;
    if (!told) say(`waiting for process ${lease.process.pid} of a run that was killed: it writes its last checkpoint`);
    await sleep(200);
  }
}

/** Whether the run that a lease's owner names (`run ID, stage NAME`) has lost its command line. */
async function isOrphan(store: Store, owner: string): Promise<boolean> {
  const id = /^run (\S+),/.exec(owner)?.[1];
  const record = id === undefined ? null : await store.runs.read(id).catch(() => null);
  return record !== null && (await stateOf(record.process)) === "gone";
}
