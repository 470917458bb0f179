import { incompleteBeta } from "../../metrics/src/student-t.ts";

/** z of the standard normal distribution that is exceeded in .1 % of cases. */
const RARE = 3.0902;

/** Whether counts are as likely as `shares` say, which sum to 1: p above .001 by Pearson's chi-square, its quantile by Wilson and Hilferty. */
export function isLikely(counts: readonly number[], shares: readonly number[] = counts.map(() => 1 / counts.length)) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const chiSquare = counts.reduce((sum, count, at) => {
    const expected = total * (shares[at] as number);
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  const degrees = counts.length - 1;
  const spread = 2 / (9 * degrees);
  return chiSquare < degrees * (1 - spread + RARE * Math.sqrt(spread)) ** 3;
}

/** Whether a sample is of the distribution with the function `cdf`: p above .001 by Kolmogorov and Smirnov. */
export function isOf(sample: readonly number[], cdf: (value: number) => number): boolean {
  const sorted = Float64Array.from(sample).sort();
  let largest = 0;
  sorted.forEach((value, at) => {
    const below = cdf(value);
    largest = Math.max(largest, Math.abs(below - at / sorted.length), Math.abs(below - (at + 1) / sorted.length));
  });
  return largest * Math.sqrt(sorted.length) < 1.95;
}

/** The distribution function of the uniform distribution. */
export const uniformCdf = (low: number, high: number) => (value: number) =>
  Math.max(0, Math.min(1, (value - low) / (high - low)));

/** The distribution function of the Beta distribution. */
export const betaCdf = (a: number, b: number) => (value: number) => incompleteBeta(value, a, b);

/** The distribution function of the standard normal distribution (Abramowitz and Stegun 7.1.26, to 1.5e-7). */
export function normalCdf(value: number): number {
  const x = Math.abs(value) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const half = (1 - series * Math.exp(-x * x)) / 2;
  return value < 0 ? 0.5 - half : 0.5 + half;
}
