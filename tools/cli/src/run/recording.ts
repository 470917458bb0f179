import { join } from "node:path";
import type { RunFailure } from "@peco/artifacts";
import { failureOf } from "@peco/rpc";
import type { Display } from "./display.ts";
import type { RunLog } from "./run-log.ts";

/** Does a run's work; whatever ends it is written into the run's record. */
export async function recording(log: RunLog, display: Display, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const failure = failureOf(error);
    await log.end(failure.exitCode === 130 ? "cancelled" : "failed", recorded(failure, log));
    if (failure.exitCode === 70) display.line(`what the services said is in ${servicesLog(log)}`);
    throw error;
  }
  await log.end("done", null);
}

/** The file that takes what a run's services write to standard error. */
export function servicesLog(log: RunLog): string {
  return join(log.folder, "services.log");
}

function recorded({ message, exitCode, path, remedy }: ReturnType<typeof failureOf>, log: RunLog): RunFailure {
  const stage = log.record.stages.find(({ state }) => state === "running")?.name ?? null;
  return { message, exitCode, stage, path: path === "" ? null : path, remedy: remedy === "" ? null : remedy };
}
