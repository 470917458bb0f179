import { setTimeout as sleep } from "node:timers/promises";
import { ServiceLost } from "./status-table.ts";

/** How a stream is taken up again. */
export interface ResumeOptions<T> {
  /** Opens the stream behind a message, or from its beginning. */
  open(after: T | undefined): AsyncIterable<T>;
  /** For how long without any message the service may be away. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal;
}

const pauseMs = 100;

/**
 * A stream that outlives its connection: when the service is lost, it is opened again behind the last message.
 *
 * @throws ServiceLost when the service stays away
 */
export async function* resumeStream<T>({ open, patienceMs, signal }: ResumeOptions<T>): AsyncGenerator<T> {
  let last: T | undefined;
  let heardAt = Date.now();
  for (;;) {
    try {
      for await (const message of open(last)) {
        last = message;
        yield message;
        heardAt = Date.now();
      }
      return;
    } catch (error) {
      if (!(error instanceof ServiceLost) || Date.now() - heardAt > patienceMs) throw error;
    }
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
  }
}
