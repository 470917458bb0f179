import type { Checkpoints, Store } from "@peco/artifacts";
import type { Recipe } from "@peco/recipes";
import type { Logger } from "@peco/telemetry";
import { SpecError } from "./errors.ts";
import type { StageProgress } from "./stage-event.ts";
import type { StageSpec } from "./stage-spec.ts";

/** What a stage works with. */
export interface StageContext {
  readonly spec: StageSpec;
  /** `spec.recipe`, checked. */
  readonly recipe: Recipe;
  readonly store: Store;
  /** The stage's own checkpoints; they are taken away when it has finished. */
  readonly checkpoints: Checkpoints;
  /** Tells the watchers. Cheap; never throws. */
  emit(event: StageProgress): void;
  /** Aborted when the stage has to stop: it writes a checkpoint after the step in flight, and throws. */
  readonly signal: AbortSignal;
  /** To standard error, with stage, run and trace. */
  readonly log: Logger;
}

/** What a stage gives: the digest of the artifact that it published, and figures for people and scripts (JSON values). */
export interface StageOutput {
  readonly artifact: string;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/**
 * The work of one stage. Given equal specification and inputs it publishes the same artifact, also when it was killed and
 * started again. It throws errors with `exitCode` and `remedy` for what a user can mend.
 */
export type Stage = (context: StageContext) => Promise<StageOutput>;

/**
 * The stage of a name.
 *
 * @param from who asks, for the message
 * @throws SpecError
 */
export function stageNamed(stages: Readonly<Record<string, Stage>>, name: string, from: string): Stage {
  const stage = Object.hasOwn(stages, name) ? stages[name] : undefined;
  if (stage !== undefined) return stage;
  throw new SpecError(from, "stage", `is "${name}", and this service runs ${Object.keys(stages).join(", ")}`);
}
