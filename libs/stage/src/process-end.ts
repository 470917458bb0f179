import type { Logger } from "@peco/telemetry";

/** For how long a process that has to end may go on working to write its checkpoint. */
export const endWithinMs = 20_000;
/** Of these, what is left for the rest of the way out. */
const reserveMs = 1500;

/**
 * Resolves with the reason when this process is asked to end: by a signal, or, with `withParent`, by the end of its
 * standard input, which tells that whoever started it is gone.
 */
export function endRequested(withParent: boolean): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
    if (!withParent) return;
    const gone = () => resolve("whoever started this service is gone");
    process.stdin.on("end", gone).on("close", gone).on("error", gone).resume();
  });
}

/** Waits for work that has been asked to stop; when it does not within the limit, the process ends without it (130). */
export async function withinLimit<T>(work: Promise<T>, log: Logger): Promise<T> {
  const timer = setTimeout(() => {
    log.error(`the stage did not stop within ${endWithinMs / 1000} s; ending without a checkpoint`);
    process.exit(130);
  }, endWithinMs - reserveMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
