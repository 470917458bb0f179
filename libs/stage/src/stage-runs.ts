import { failureOf } from "@peco/rpc";
import type { Logger } from "@peco/telemetry";
import { Cancelled, ServiceEnding, StageUnknown } from "./errors.ts";
import { EventLog } from "./event-log.ts";
import { executeStage } from "./execute-stage.ts";
import { type Stage, stageNamed } from "./stage.ts";
import type { NumberedEvent } from "./stage-event.ts";
import type { StageSpec } from "./stage-spec.ts";

interface Run {
  readonly spec: StageSpec;
  readonly events: EventLog;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** The stages that a process runs and has run, by key. */
export class StageRuns {
  readonly #stages: Readonly<Record<string, Stage>>;
  readonly #log: Logger;
  readonly #runs = new Map<string, Run>();
  #ending = false;

  constructor(stages: Readonly<Record<string, Stage>>, log: Logger) {
    this.#stages = stages;
    this.#log = log;
  }

  /**
   * Starts a stage, or joins it when it runs already. One that has ended is started again: a finished one is then found
   * in the store.
   *
   * @throws SpecError when this service has no such stage
   * @throws ServiceEnding
   */
  start(spec: StageSpec): { joined: boolean; firstEvent: number } {
    if (this.#ending) throw new ServiceEnding();
    const before = this.#runs.get(spec.key);
    if (before !== undefined && !before.events.ended) return { joined: true, firstEvent: before.events.first };
    const stage = stageNamed(this.#stages, spec.stage, "Start");
    const events = new EventLog(before?.events.next);
    const stop = new AbortController();
    this.#runs.set(spec.key, { spec, events, stop, ended: this.#run(stage, spec, events, stop.signal) });
    return { joined: false, firstEvent: events.first };
  }

  /**
   * The events of a stage's latest attempt from a number on.
   *
   * @throws StageUnknown
   */
  watch(key: string, from: number, signal: AbortSignal): AsyncIterable<NumberedEvent> {
    const run = this.#runs.get(key);
    if (run === undefined) throw new StageUnknown(key);
    return run.events.from(from, signal);
  }

  /** Asks a stage to stop; says whether it was running. */
  cancel(key: string): boolean {
    const run = this.#runs.get(key);
    if (run === undefined || run.events.ended) return false;
    run.stop.abort(new Cancelled(run.spec.stage));
    return true;
  }

  /** Starts nothing any more, asks all stages to stop and waits until they have; says whether any was running. */
  async end(): Promise<boolean> {
    this.#ending = true;
    const running = [...this.#runs.values()].filter(({ events }) => !events.ended);
    for (const { stop } of running) stop.abort(new ServiceEnding());
    await Promise.all(running.map(({ ended }) => ended));
    return running.length > 0;
  }

  async #run(stage: Stage, spec: StageSpec, events: EventLog, signal: AbortSignal): Promise<void> {
    const log = this.#log.child({ stage: spec.stage, run: spec.run });
    try {
      const outcome = await executeStage(stage, spec, { emit: (event) => events.add(event), signal, log });
      events.add({ kind: "done", ...outcome });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.exitCode === 70) log.error({ err: error }, "the stage failed by a fault of the program");
      events.add({ kind: "failed", failure });
    }
  }
}
