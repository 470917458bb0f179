/** Arithmetic mean. NaN for no values. */
export function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total / values.length;
}

/** Sample standard deviation, with n - 1 below the sum. NaN for fewer than two values: one seed has no spread. */
export function sampleDeviation(values: ArrayLike<number>): number {
  if (values.length < 2) return Number.NaN;
  const centre = mean(values);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += ((values[i] as number) - centre) ** 2;
  return Math.sqrt(total / (values.length - 1));
}

/** Entropy of a histogram in nats: `-sum p ln p` with `p` the share of each bin; empty bins count nothing. 0 for an empty histogram. */
export function entropy(histogram: ArrayLike<number>): number {
  let total = 0;
  for (let bin = 0; bin < histogram.length; bin++) total += histogram[bin] as number;
  let sum = 0;
  for (let bin = 0; bin < histogram.length; bin++) {
    const share = (histogram[bin] as number) / total;
    if (share > 0) sum -= share * Math.log(share);
  }
  return sum;
}
