import type { Display } from "./display.ts";

/**
 * Does work that Ctrl-C may interrupt: the first one aborts the signal, so that stages end with a checkpoint; a second
 * one kills everything at once.
 */
export async function withInterrupts<T>(
  display: Display,
  kill: () => Promise<void>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) {
      void kill().finally(() => process.exit(130));
      return;
    }
    display.line("stopping after this step, with a checkpoint (Ctrl-C again stops at once)");
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("SIGHUP", interrupt);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, interrupt);
  }
}
