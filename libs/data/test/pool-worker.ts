import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { BatchOptionsError } from "../src/errors.ts";
import { serveJobs } from "../src/worker-pool.ts";

/** A job of the pool's test. */
export type TestJob =
  | { sleep: number }
  | { fail: string }
  | { fault: string }
  | { exit: number }
  | { throwLater: string }
  | { fill: number };

serveJobs<TestJob, Uint8Array | number>(async (job) => {
  if ("fail" in job) throw new BatchOptionsError(job.fail, { path: "p", remedy: "Mend it." });
  if ("fault" in job) throw new TypeError(job.fault);
  if ("exit" in job) process.exit(job.exit);
  if ("throwLater" in job) {
    setTimeout(() => {
      throw new Error(job.throwLater);
    });
    await sleep(10_000);
  }
  if ("fill" in job) {
    const result = new Uint8Array(job.fill).fill(7);
    return { result, transfer: [result.buffer] };
  }
  await sleep((job as { sleep: number }).sleep);
  return { result: threadId, transfer: [] };
});
