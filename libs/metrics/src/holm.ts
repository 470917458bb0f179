/**
 * Holm's correction of several p-values: the k-th smallest of m is multiplied by `m - k + 1`, is at least as large as the one before it
 * and at most 1. Those below a level can then be called shown together, with the level as the chance of any mistake among them.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const corrected = new Array<number>(pValues.length);
  let before = 0;
  order.forEach((at, rank) => {
    before = Math.max(before, Math.min(1, (pValues.length - rank) * (pValues[at] as number)));
    corrected[at] = before;
  });
  return corrected;
}
