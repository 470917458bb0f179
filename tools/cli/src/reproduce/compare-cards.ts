import type { CardArtifact } from "@peco/report";
import { z } from "zod";

/** How the artifact of one stage and seed came out the second time. */
export const stageComparison = z.object({
  stage: z.string(),
  seed: z.string(),
  verdict: z.enum(["identical", "within tolerance", "different"]),
  /** The figure that differs most, relative to the larger of both. */
  largest: z
    .object({ figure: z.string(), before: z.number(), now: z.number(), relative: z.number() })
    .nullable()
    .describe("null where all figures are equal"),
  /** Files of the artifact whose bytes differ. */
  files: z.array(z.string()),
});
/** See {@link stageComparison}. */
export type StageComparison = z.infer<typeof stageComparison>;

/** What a repetition gives: the worst verdict of all stages, and where the first difference is. */
export const verdict = z.enum(["identical", "within tolerance", "different"]);
/** See {@link verdict}. */
export type Verdict = z.infer<typeof verdict>;

/**
 * Compares a run's artifacts with those of its repetition, in the order of the stages: the same bytes are identical; otherwise all figures
 * of the stage have to lie within `tolerance`, relative to the larger of both.
 */
export function compareArtifacts(
  before: readonly CardArtifact[],
  now: readonly CardArtifact[],
  tolerance: number,
): StageComparison[] {
  return before.map((artifact) => {
    const again = now.find(({ stage, seed }) => stage === artifact.stage && seed === artifact.seed);
    return compareStage(artifact, again, tolerance);
  });
}

function compareStage(before: CardArtifact, now: CardArtifact | undefined, tolerance: number): StageComparison {
  const { stage, seed } = before;
  if (now === undefined) return { stage, seed, verdict: "different", largest: null, files: Object.keys(before.blobs) };
  if (now.artifact === before.artifact) return { stage, seed, verdict: "identical", largest: null, files: [] };
  const names = [...new Set([...Object.keys(before.figures), ...Object.keys(now.figures)])];
  const differences = names.map((figure) => {
    const [a, b] = [before.figures[figure] ?? Number.NaN, now.figures[figure] ?? Number.NaN];
    return { figure, before: a, now: b, relative: relativeDifference(a, b) };
  });
  const [most] = differences.sort((a, b) => b.relative - a.relative);
  const largest = most !== undefined && most.relative > 0 ? most : null;
  const files = [...new Set([...Object.keys(before.blobs), ...Object.keys(now.blobs)])].filter(
    (name) => before.blobs[name]?.digest !== now.blobs[name]?.digest,
  );
  const near = largest === null || largest.relative <= tolerance;
  return { stage, seed, verdict: near ? "within tolerance" : "different", largest, files: files.sort() };
}

/** |a - b| over the larger of both; infinite where only one of them is there. */
function relativeDifference(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  return a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}

/** The worst of all stages. */
export function worst(stages: readonly StageComparison[]): Verdict {
  const all = new Set(stages.map((stage) => stage.verdict));
  return all.has("different") ? "different" : all.has("within tolerance") ? "within tolerance" : "identical";
}
