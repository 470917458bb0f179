/**
 * Chi-square test that two histograms of equally many draws come from one law; returns the normal score of the upper tail
 * (Wilson and Hilferty's approximation): above 3.09 the probability is below .001. Bins with fewer than ten draws together are pooled.
 */
export function chiSquareScore(first: readonly number[], second: readonly number[]): number {
  const bins: [number, number][] = [];
  let rest: [number, number] = [0, 0];
  for (let bin = 0; bin < Math.max(first.length, second.length); bin++) {
    rest = [rest[0] + (first[bin] ?? 0), rest[1] + (second[bin] ?? 0)];
    if (rest[0] + rest[1] >= 10) {
      bins.push(rest);
      rest = [0, 0];
    }
  }
  const last = bins.at(-1) as [number, number];
  last[0] += rest[0];
  last[1] += rest[1];
  const degrees = bins.length - 1;
  if (degrees === 0) return 0;
  // Blocks are drawn in unequal numbers, hence the scaling by the totals.
  const totals = [0, 1].map((side) => bins.reduce((sum, bin) => sum + (bin[side] as number), 0)) as [number, number];
  const ratio = Math.sqrt(totals[1] / totals[0]);
  const statistic = bins.reduce((sum, [a, b]) => sum + (a * ratio - b / ratio) ** 2 / (a + b), 0);
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(statistic / degrees) - 1 + spread) / Math.sqrt(spread);
}

/** Largest normal score of the difference between two counts of the same event in `draws` draws each, over all events. */
export function largestScore(first: readonly number[], second: readonly number[], draws: number): number {
  return first.reduce((largest, a, event) => {
    const b = second[event] as number;
    const pooled = (a + b) / (2 * draws);
    const deviation = Math.sqrt(2 * draws * pooled * (1 - pooled));
    return deviation === 0 ? largest : Math.max(largest, Math.abs(a - b) / deviation);
  }, 0);
}
