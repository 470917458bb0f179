import type { KeptService } from "./kept-service.ts";
import { type RunOptions, runStage } from "./run-stage.ts";
import type { NumberedEvent, Outcome } from "./stage-event.ts";
import type { StageSpec } from "./stage-spec.ts";

/** Who does the work. */
export interface SuperviseOptions extends Pick<RunOptions, "onEvent" | "signal"> {
  /** Runs the stage. */
  readonly service: KeptService;
  /** Others that the stage needs, such as masking: given up with it. */
  readonly alongside?: readonly KeptService[];
}

/** Longer than a service needs to start again. */
const patienceMs = 180_000;

/**
 * Has a service run a stage to its end, however often the service is killed on the way, as long as each life gets
 * further than those before: a checkpoint that is newer than all before is progress.
 *
 * @throws RemoteFailure when the stage failed, or was cancelled (130)
 * @throws ServiceKeptFailing when a service died three times without progress
 */
export function superviseStage(spec: StageSpec, options: SuperviseOptions): Promise<Outcome> {
  const { service, alongside = [], onEvent, signal } = options;
  const services = [service, ...alongside];
  const furthest = new Map<string, number>();
  const watch = (event: NumberedEvent) => {
    if (event.kind === "checkpoint" && event.step > (furthest.get(event.part) ?? -1)) {
      furthest.set(event.part, event.step);
      for (const each of services) each.progress();
    }
    onEvent(event);
  };
  return runStage(service, spec, {
    onEvent: watch,
    patienceMs,
    gone: AbortSignal.any(services.map(({ gone }) => gone)),
    ...(signal === undefined ? {} : { signal }),
  });
}
