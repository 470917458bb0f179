/**
 * Keys that no recipe has, though one may look for them there, with the reason: by path. They are unknown like any other, but what is said
 * of them is why, and not what was perhaps meant.
 */
const refusedKeys: ReadonlyMap<string, string> = new Map([
  [
    "perceptualNetwork.microBatch",
    "there is none, for a batch in parts would give another result: the batch norm in MoCo's heads sees the whole batch, and all keys of a batch are its negatives; perceptualNetwork.batch is what is computed at once",
  ],
]);

/** Why there is no such key; null for one of which nothing is known. */
export function reasonAgainst(path: readonly string[]): string | null {
  return refusedKeys.get(path.join(".")) ?? null;
}
