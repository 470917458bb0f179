import type { Difference } from "@peco/recipes";
import type { Failure } from "@peco/rpc";

/** Numbers that were measured; a trainer's steps hold at least `loss`. */
export type Metrics = Readonly<Record<string, number>>;

/** What a stage tells while it works. `part` names what it is doing inside, such as `lr 0.001, repeat 1`, and may be empty. */
export type StageProgress =
  | {
      readonly kind: "step";
      readonly part: string;
      /** Steps done. */
      readonly step: number;
      /** Steps in all. */
      readonly of: number;
      readonly metrics: Metrics;
      readonly imagesPerSecond: number;
      readonly etaSeconds: number;
      /** Share of the time spent waiting for batches, 0 to 1. */
      readonly waitShare: number;
    }
  | { readonly kind: "checkpoint"; readonly part: string; readonly step: number }
  | { readonly kind: "evaluation"; readonly part: string; readonly step: number; readonly metrics: Metrics }
  | { readonly kind: "artifact"; readonly artifactKind: string; readonly digest: string }
  | { readonly kind: "note"; readonly text: string };

/** Whether a finished result was found, and if not, why. */
export interface CacheDecision {
  readonly kind: "cache";
  readonly hit: boolean;
  /** Miss: what differs from the nearest finished result of this stage; none when there is no such result. */
  readonly differed: readonly Difference[];
  /** Miss although there is a result under this key: what it lacks. Otherwise empty. */
  readonly problem: string;
}

/** What a stage gave. */
export interface Outcome {
  /** Digest of its artifact. */
  readonly artifact: string;
  readonly metrics: Readonly<Record<string, unknown>>;
  /** Whether it was found finished. */
  readonly cached: boolean;
  /** Seconds that it took when it was run. */
  readonly seconds: number;
}

/** All that a watcher hears. The last event is `done` or `failed`. */
export type StageEvent =
  | CacheDecision
  | StageProgress
  | ({ readonly kind: "done" } & Outcome)
  | { readonly kind: "failed"; readonly failure: Failure };

/** An event with its place in the order, from 1, and its time in milliseconds since 1970. */
export type NumberedEvent = StageEvent & { readonly number: number; readonly timeMs: number };
