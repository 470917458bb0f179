import type { SplitFile } from "./assign-splits.ts";
import type { Split } from "./pack-index.ts";

/** Whose labels fine-tuning may use: those of a list, or a share of each class; where neither says less, all. */
export interface LabelShares {
  /** Of the different training pictures of each class, at least one. */
  readonly labelledShare: number;
}

/**
 * Says for each file whether its label may be used. Training pictures are chosen by the list, or in each class by the order of their
 * contents' SHA-256, so that byte copies are chosen together and a smaller share lies within every larger one. Pictures for validation
 * and test keep their labels: they are what results are measured with.
 */
export function assignLabels(
  files: readonly (SplitFile & { readonly name: string })[],
  splits: readonly Split[],
  list: ReadonlySet<string> | null,
  { labelledShare }: LabelShares,
): boolean[] {
  const chosen = list === null && labelledShare < 1 ? chosenHashes(files, splits, labelledShare) : null;
  return files.map(({ name, hash, className }, at) => {
    if (className === null) return false;
    if (splits[at] !== "train") return true;
    return list?.has(name) ?? chosen?.has(hash) ?? true;
  });
}

function chosenHashes(files: readonly SplitFile[], splits: readonly Split[], share: number): Set<string> {
  const classes = new Map<string, Set<string>>();
  for (const [at, { hash, className }] of files.entries()) {
    if (className === null || splits[at] !== "train") continue;
    const hashes = classes.get(className) ?? new Set();
    classes.set(className, hashes.add(hash));
  }
  const first = (hashes: Set<string>) => [...hashes].sort().slice(0, Math.max(1, Math.round(hashes.size * share)));
  return new Set([...classes.values()].flatMap(first));
}
