import type { Stage, StageRuntime } from "./stage-graph.ts";
import { isMap, type Plain, paths, valueAt } from "./tree.ts";

/** What a stage key is the SHA-256 of, as canonical JSON: all that a stage's result depends on. */
export interface StageKeyParts {
  readonly stage: string;
  readonly version: number;
  readonly recipe: { readonly [name: string]: Plain };
  /** Digests of the inputs. */
  readonly inputs: { readonly [name: string]: string };
  /** Decimal digits, since a seed may have more bits than a JSON number; null when nothing is drawn. */
  readonly seed: string | null;
  readonly runtime: StageRuntime | null;
}

/**
 * The parts of a stage's key.
 *
 * @param inputs the digest of each of `stage.inputs`; for a `data` stage of a folder that of its contents, as `folder`;
 * for a stage that reads weights that of their file, as `weights`
 * @throws TypeError when an input of the stage has no digest
 */
export function stageKeyParts(
  stage: Stage,
  inputs: Readonly<Record<string, string>>,
  seed: bigint | number,
): StageKeyParts {
  const needed = [...Object.keys(stage.inputs), ...(stage.weights === null ? [] : ["weights"])];
  const lacking = needed.filter((name) => inputs[name] === undefined);
  if (lacking.length > 0) throw new TypeError(`no digest for ${lacking.join(", ")} of ${stage.name}`);
  return {
    stage: stage.name,
    version: stage.version,
    recipe: stage.recipe as StageKeyParts["recipe"],
    inputs,
    seed: stage.seeded ? String(seed) : null,
    runtime: stage.runtime,
  };
}

/** One part in which two keys differ; `undefined` where one of them has no such part. */
export interface Difference {
  readonly path: string;
  readonly before: Plain | undefined;
  readonly after: Plain | undefined;
}

/** In which parts two keys differ, as paths such as `recipe.pretrain.steps`. None when the keys are equal. */
export function differences(before: StageKeyParts, after: StageKeyParts): Difference[] {
  return valueDifferences(before as unknown as Plain, after as unknown as Plain);
}

/** In which leaves two trees of values differ: two maps in their members, a map and what is none as wholes. */
export function valueDifferences(before: Plain, after: Plain): Difference[] {
  const leaves = new Set(
    [before, after].flatMap((tree) =>
      [...paths(tree)].filter((path) => isLeaf(valueAt(tree, path))).map((path) => path.join("\0")),
    ),
  );
  const found = [...leaves].sort().flatMap((joined) => {
    const path = joined === "" ? [] : joined.split("\0");
    const [a, b] = [valueAt(before, path), valueAt(after, path)];
    return (isMap(a) && isMap(b)) || JSON.stringify(a) === JSON.stringify(b)
      ? []
      : [{ path: path.join("."), before: a, after: b }];
  });
  return found.filter(({ path }) => !found.some((outer) => path.startsWith(`${outer.path}.`)));
}

/** A difference in a few words: `recipe.pretrain.steps 2400 -> 4800`. */
export function describeDifference({ path, before, after }: Difference): string {
  return `${path} ${show(before)} -> ${show(after)}`;
}

/**
 * Of keys of finished stages, the one that differs least from a key that is not there, for the log of a cache miss.
 * Keys with other members, such as those of rehearsals, are no neighbours.
 */
export function nearestKey<T extends { readonly parts: unknown }>(
  parts: StageKeyParts,
  finished: readonly T[],
): { nearest: T; differences: Difference[] } | null {
  let best: { nearest: T; differences: Difference[] } | null = null;
  const members = Object.keys(parts).sort().join();
  for (const nearest of finished) {
    if (
      Object.keys(nearest.parts as object)
        .sort()
        .join() !== members
    )
      continue;
    const found = differences(nearest.parts as StageKeyParts, parts);
    if (best === null || found.length < best.differences.length) best = { nearest, differences: found };
  }
  return best;
}

function isLeaf(value: Plain | undefined): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}

function show(value: Plain | undefined): string {
  if (value === undefined) return "none";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[0-9a-f]{64}$/.test(text) ? text.slice(0, 12) : text;
}
