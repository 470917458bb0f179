import { setTimeout as sleep } from "node:timers/promises";
import { stage as proto } from "@peco/proto";
import { type Client, connect, type Endpoint, RemoteFailure, ServiceLost } from "@peco/rpc";
import { Cancelled, ServiceEnding, StageUnknown } from "./errors.ts";
import type { NumberedEvent, Outcome } from "./stage-event.ts";
import type { StageSpec } from "./stage-spec.ts";
import { eventFromWire, specToWire } from "./wire.ts";

/** Who watches a stage that a service runs, and what ends it. */
export interface RunOptions {
  readonly onEvent: (event: NumberedEvent) => void;
  /** Asks the stage to stop: it writes a checkpoint first. */
  readonly signal?: AbortSignal;
  /** For how long the service may be away, to be started again, before it is given up. @default 5000 */
  readonly patienceMs?: number;
  /** Aborted, with the failure as its reason, when what the stage needs will not come back: it is stopped, too. */
  readonly gone?: AbortSignal;
}

/**
 * Has a service run a stage, and tells its events as they happen, each once. When the connection is lost it asks
 * again behind the last event; a service that was killed meanwhile is told to start the stage again, which goes on from its checkpoint.
 *
 * @throws RemoteFailure with what the stage failed of; with exit code 130 when it was cancelled
 * @throws ServiceLost when the service stays away
 * @throws Cancelled when the service was lost while it was asked to stop
 */
export async function runStage(endpoint: Endpoint, spec: StageSpec, options: RunOptions): Promise<Outcome> {
  const client = connect(proto.StageServiceService, endpoint);
  const cancel = () => void client.cancel({ key: spec.key }).catch(() => {});
  options.signal?.addEventListener("abort", cancel, { once: true });
  options.gone?.addEventListener("abort", cancel, { once: true });
  try {
    return await attempts(client, spec, options);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
    options.gone?.removeEventListener("abort", cancel);
    client.close();
  }
}

async function attempts(
  client: Client<typeof proto.StageServiceService>,
  spec: StageSpec,
  options: RunOptions,
): Promise<Outcome> {
  const { onEvent, signal, patienceMs = 5000, gone } = options;
  // the number of the next event; 0: the stage has to be started first
  let next = 0;
  let heardAt = Date.now();
  for (;;) {
    if (signal?.aborted && next === 0) throw new Cancelled(spec.stage);
    try {
      if (next === 0) next = (await client.start({ spec: specToWire(spec) })).firstEvent;
      // asked to stop while the stage was being started, or the service away: the request may not have been heard
      if (signal?.aborted) await client.cancel({ key: spec.key });
      for await (const message of client.watch({ key: spec.key, fromEvent: next })) {
        heardAt = Date.now();
        next = message.number + 1;
        const event = eventFromWire(message);
        if (event === undefined) continue;
        if (event.kind === "failed" && isRestart(event.failure)) throw new RemoteFailure(event.failure);
        onEvent(event);
        if (event.kind === "done") return outcomeOf(event);
        if (event.kind !== "failed") continue;
        gone?.throwIfAborted();
        throw new RemoteFailure(event.failure);
      }
      next = 0;
      throw new ServiceLost("the service ended the stage's events before the stage had ended");
    } catch (error) {
      const restart = isRestart(error as Error);
      if (!(error instanceof ServiceLost || restart)) throw error;
      if (restart) next = 0;
      gone?.throwIfAborted();
      if (signal?.aborted) throw new Cancelled(spec.stage);
      if (Date.now() - heardAt > patienceMs) throw error;
    }
    await sleep(100);
  }
}

/**
 * Whether a failure says no more than that the process is another one by now, or will be: it was asked to end by others
 * than us, when its stages have their checkpoints, or it was started again before it was asked for events.
 */
function isRestart({ name }: { readonly name: string }): boolean {
  return name === ServiceEnding.name || name === StageUnknown.name;
}

function outcomeOf({ artifact, metrics, cached, seconds }: Outcome): Outcome {
  return { artifact, metrics, cached, seconds };
}
