import { arch, availableParallelism, cpus, hostname, platform, totalmem } from "node:os";
import { type Lease, type StageResult, Store } from "@peco/artifacts";
import { checkRecipe, nearestKey, type StageKeyParts } from "@peco/recipes";
import { type Logger, span } from "@peco/telemetry";
import { Cancelled } from "./errors.ts";
import type { Stage } from "./stage.ts";
import type { CacheDecision, Outcome, StageProgress } from "./stage-event.ts";
import type { StageSpec } from "./stage-spec.ts";

/** Who watches a stage, and what stops it. */
export interface ExecuteOptions {
  readonly emit: (event: CacheDecision | StageProgress) => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** @default what the store's leases do by themselves, 10 s */
  readonly heartbeatMs?: number;
}

/**
 * Runs one stage in this process: takes its finished result if there is one; otherwise takes the lease on its key, does
 * the work, notes the result and removes the checkpoints.
 *
 * @throws Cancelled when the signal was aborted and the stage stopped for it
 * @throws LeaseHeld when another process works on the same key
 * @throws whatever the stage throws
 */
export function executeStage(stage: Stage, spec: StageSpec, options: ExecuteOptions): Promise<Outcome> {
  const attributes = { "peco.run": spec.run, "peco.stage": spec.stage, "peco.key": spec.key };
  return span(`stage ${spec.stage}`, attributes, async (active) => {
    const outcome = await takeOrRun(stage, spec, options);
    active.setAttributes({ "peco.cached": outcome.cached, "peco.artifact": outcome.artifact });
    return outcome;
  });
}

async function takeOrRun(stage: Stage, spec: StageSpec, options: ExecuteOptions): Promise<Outcome> {
  const recipe = checkRecipe(spec.recipe);
  const store = await Store.open(spec.store);
  const found = await lookUp(store, spec);
  if (found.result !== null) {
    options.emit(found.decision);
    return cachedOutcome(found.result);
  }
  await using lease = await store.lease(spec.key, `run ${spec.run}, stage ${spec.stage}`);
  // another process may have finished it between the look and the lease
  const { result, decision } = await lookUp(store, spec);
  options.emit(decision);
  if (result !== null) return cachedOutcome(result);

  const signal = untilLost(lease, options);
  const checkpoints = store.checkpoints(spec.key);
  const started = new Date();
  const { artifact, metrics } = await stoppable(spec, signal, () =>
    stage({ spec, recipe, store, checkpoints, emit: options.emit, signal, log: options.log }),
  );
  // as it will be read back, so that it is the same whether the stage was run or found
  const plain = JSON.parse(JSON.stringify(metrics)) as StageResult["metrics"];
  const seconds = (Date.now() - started.getTime()) / 1000;
  const record = { seconds, started: started.toISOString(), run: spec.run, machine: machine() };
  const { replaced } = await store.finish(spec.key, {
    stage: spec.stage,
    parts: spec.parts,
    artifact,
    metrics: plain,
    record,
  });
  if (replaced !== null) options.log.warn({ replaced, artifact }, "the same stage gave another artifact before");
  await checkpoints.clear();
  return { artifact, metrics: plain, cached: false, seconds };
}

/** Looks for a finished result, and for what differs from the nearest one when there is none. */
async function lookUp(store: Store, spec: StageSpec): Promise<{ result: StageResult | null; decision: CacheDecision }> {
  const looked = await store.result(spec.key);
  if (looked.state === "hit")
    return { result: looked.result, decision: { kind: "cache", hit: true, differed: [], problem: "" } };
  if (looked.state === "incomplete") {
    return { result: null, decision: { kind: "cache", hit: false, differed: [], problem: looked.problem } };
  }
  const nearest = nearestKey(spec.parts as unknown as StageKeyParts, await store.results(spec.stage));
  return { result: null, decision: { kind: "cache", hit: false, differed: nearest?.differences ?? [], problem: "" } };
}

function cachedOutcome({ artifact, metrics, record }: StageResult): Outcome {
  const { seconds } = record;
  return { artifact, metrics, cached: true, seconds: typeof seconds === "number" ? seconds : 0 };
}

/** A signal that is aborted by the caller's, or when the lease is lost. */
function untilLost(lease: Lease, { signal, log, heartbeatMs }: ExecuteOptions): AbortSignal {
  const lost = new AbortController();
  lease.keep((error) => {
    log.error({ err: error }, "lost the lease on this stage");
    lost.abort(error);
  }, heartbeatMs);
  return AbortSignal.any([signal, lost.signal]);
}

/** Says `Cancelled` for whatever a stage throws because it was told to stop; a lost lease is told as it is. */
async function stoppable<T>(spec: StageSpec, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    const { exitCode, name } = error as { exitCode?: unknown; name?: unknown };
    const stopped = error === signal.reason || name === "AbortError" || exitCode === 130;
    if (!signal.aborted || !stopped) throw error;
    const reason: unknown = signal.reason;
    throw reason instanceof Error && "exitCode" in reason
      ? reason
      : exitCode === 130
        ? error
        : new Cancelled(spec.stage);
  }
}

function machine(): Record<string, string | number> {
  return {
    host: hostname(),
    system: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model ?? "unknown",
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
  };
}
