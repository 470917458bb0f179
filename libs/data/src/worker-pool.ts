import { type MessagePort, parentPort, Worker } from "node:worker_threads";
import { type PlainError, plainError, reviveError, WorkerFailed } from "./errors.ts";

/** What a worker answers to a job. */
type Answer<Result> = { readonly result: Result } | { readonly error: PlainError };

interface Waiting<Job, Result> {
  readonly job: Job;
  resolve(result: Result): void;
  reject(error: Error): void;
}

interface Thread<Job, Result> {
  readonly worker: Worker;
  current: Waiting<Job, Result> | null;
}

/**
 * Threads that all run one module, which calls {@link serveJobs}, and take jobs in the order of `run`. They start with the first job
 * and do not keep the process alive while they have none.
 */
export class WorkerPool<Job, Result> {
  readonly #module: URL;
  readonly #threads: Thread<Job, Result>[] = [];
  readonly #limit: number;
  readonly #queue: Waiting<Job, Result>[] = [];
  #closed = false;

  constructor(module: URL, threads: number) {
    this.#module = module;
    this.#limit = threads;
  }

  /**
   * What the module's handler makes of a job.
   *
   * @throws WorkerFailed when the thread ended meanwhile or the pool is closed; what the handler throws otherwise
   */
  run(job: Job): Promise<Result> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends all threads; jobs not yet answered fail. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(closed());
    for (const { current } of this.#threads) current?.reject(closed());
    const ended = this.#threads.splice(0).map(({ worker }) => {
      worker.ref(); // so that the process waits for the end
      return worker.terminate();
    });
    await Promise.all(ended);
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = this.#threads.find(({ current }) => current === null) ?? this.#start();
      if (idle === null) return;
      const next = this.#queue.shift() as Waiting<Job, Result>;
      idle.current = next;
      idle.worker.ref();
      idle.worker.postMessage(next.job);
    }
  }

  #start(): Thread<Job, Result> | null {
    if (this.#threads.length >= this.#limit) return null;
    const thread: Thread<Job, Result> = { worker: new Worker(this.#module), current: null };
    thread.worker.on("message", (answer: Answer<Result>) => this.#answered(thread, answer));
    thread.worker.on("error", (error) => this.#ended(thread, error));
    thread.worker.on("exit", (code) => this.#ended(thread, new Error(`it ended with code ${code}`)));
    this.#threads.push(thread);
    return thread;
  }

  #answered(thread: Thread<Job, Result>, answer: Answer<Result>): void {
    const { current } = thread;
    thread.current = null;
    thread.worker.unref();
    if ("error" in answer) current?.reject(reviveError(answer.error));
    else current?.resolve(answer.result);
    this.#dispatch();
  }

  #ended(thread: Thread<Job, Result>, cause: unknown): void {
    const at = this.#threads.indexOf(thread);
    if (at < 0) return;
    this.#threads.splice(at, 1);
    const reason = cause instanceof Error ? cause.message : String(cause);
    thread.current?.reject(
      new WorkerFailed(
        `a thread that prepares pictures ended: ${reason}`,
        { remedy: "Start again; if it comes back, give the run more memory or file the message as a fault." },
        cause,
      ),
    );
    this.#dispatch();
  }
}

function closed(): WorkerFailed {
  return new WorkerFailed("the threads that prepare pictures were closed", {
    remedy: "Ask for batches before closing their data set.",
  });
}

/** Answers jobs in a worker's module: `handle` makes a result and says which of its buffers go over to the other thread. */
export function serveJobs<Job, Result>(handle: (job: Job) => Promise<Handled<Result>> | Handled<Result>): void {
  const port = parentPort as MessagePort;
  port.on("message", async (job: Job) => {
    try {
      const { result, transfer } = await handle(job);
      port.postMessage({ result }, transfer);
    } catch (error) {
      port.postMessage({ error: plainError(error) });
    }
  });
}

/** A result and the buffers in it that are handed over instead of copied. */
export interface Handled<Result> {
  readonly result: Result;
  readonly transfer: ArrayBuffer[];
}
