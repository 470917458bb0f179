import type { stage as proto } from "@peco/proto";
import type { Difference } from "@peco/recipes";
import { SpecError } from "./errors.ts";
import type { NumberedEvent, StageEvent } from "./stage-event.ts";
import { parseSpec, type StageSpec } from "./stage-spec.ts";

/** A specification as it is sent. */
export function specToWire(spec: StageSpec): proto.StageSpec {
  const { parts, recipe, masking, folder, weights, ...same } = spec;
  return {
    ...same,
    partsJson: JSON.stringify(parts),
    recipeJson: JSON.stringify(recipe),
    masking: masking ?? undefined,
    folder: folder ?? "",
    weights: weights ?? "",
  };
}

/**
 * A specification that was received, checked.
 *
 * @throws SpecError
 */
export function specFromWire(sent: proto.StageSpec | undefined): StageSpec {
  if (sent === undefined) throw new SpecError("Start", "spec", "is missing");
  const { partsJson, recipeJson, masking, folder, weights, ...same } = sent;
  const spec = {
    ...same,
    parts: parseJson(partsJson, "parts_json"),
    recipe: parseJson(recipeJson, "recipe_json"),
    masking: masking ?? null,
    folder: folder === "" ? null : folder,
    weights: weights === "" ? null : weights,
  };
  return parseSpec(spec, "Start");
}

/** An event as it is sent. */
export function eventToWire(event: NumberedEvent): proto.WatchResponse {
  return { number: event.number, timeMs: BigInt(event.timeMs), event: bodyToWire(event) };
}

function bodyToWire(event: StageEvent): proto.WatchResponse["event"] {
  switch (event.kind) {
    case "cache": {
      const differed = event.differed.map(({ path, before, after }) => ({
        path,
        was: toJson(before),
        now: toJson(after),
      }));
      return { $case: "cache", value: { hit: event.hit, differed, problem: event.problem } };
    }
    case "step":
      return { $case: "step", value: { ...event, metrics: { ...event.metrics } } };
    case "checkpoint":
      return { $case: "checkpoint", value: event };
    case "evaluation":
      return { $case: "evaluation", value: { ...event, metrics: { ...event.metrics } } };
    case "artifact":
      return { $case: "artifact", value: { kind: event.artifactKind, digest: event.digest } };
    case "note":
      return { $case: "note", value: event };
    case "done":
      return { $case: "done", value: { ...event, metricsJson: JSON.stringify(event.metrics) } };
    case "failed":
      return { $case: "failed", value: event.failure };
  }
}

/** An event that was received; undefined for a kind that a newer version may have added. */
export function eventFromWire({ number, timeMs, event }: proto.WatchResponse): NumberedEvent | undefined {
  const body = bodyFromWire(event);
  return body === undefined ? undefined : { ...body, number, timeMs: Number(timeMs) };
}

function bodyFromWire(event: proto.WatchResponse["event"]): StageEvent | undefined {
  switch (event?.$case) {
    case "cache":
      return { kind: "cache", ...event.value, differed: event.value.differed.map(differenceFromWire) };
    case "artifact":
      return { kind: "artifact", artifactKind: event.value.kind, digest: event.value.digest };
    case "done": {
      const { metricsJson, ...same } = event.value;
      return { kind: "done", ...same, metrics: parseJson(metricsJson, "metrics_json") as Record<string, unknown> };
    }
    case "failed":
      return { kind: "failed", failure: event.value };
    case "step":
      return { kind: "step", ...event.value };
    case "checkpoint":
      return { kind: "checkpoint", ...event.value };
    case "evaluation":
      return { kind: "evaluation", ...event.value };
    case "note":
      return { kind: "note", ...event.value };
    case undefined:
      return undefined;
  }
}

function differenceFromWire({ path, was, now }: proto.Difference): Difference {
  return { path, before: fromJson(was), after: fromJson(now) };
}

/** JSON, or nothing for what is not there. */
function toJson(value: Difference["before"]): string {
  return value === undefined ? "" : JSON.stringify(value);
}

function fromJson(text: string): Difference["before"] {
  return text === "" ? undefined : (JSON.parse(text) as Difference["before"]);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SpecError("Start", path, "is not JSON");
  }
}
