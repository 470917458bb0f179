import { mean, sampleDeviation } from "./statistics.ts";
import { studentCritical, studentTwoSided } from "./student-t.ts";

/** What pairs of figures say about a difference. */
export interface PairedDifference {
  /** Number of pairs. */
  readonly pairs: number;
  readonly mean: number;
  /** Sample deviation of the differences; null for one pair. */
  readonly deviation: number | null;
  /** 95 % interval of the mean difference by Student's t over the pairs; null for one pair. */
  readonly interval: readonly [number, number] | null;
  /** Two-sided p of the paired t test; null for one pair, or when all differences are alike. */
  readonly tTest: number | null;
  /** Two-sided p of the exact sign-flip test, see {@link signFlip}. */
  readonly signFlip: number;
}

/**
 * Compares figures pair by pair, `first[i] - second[i]`.
 *
 * @throws RangeError when the lists differ in length or are empty
 */
export function pairedDifference(first: readonly number[], second: readonly number[]): PairedDifference {
  if (first.length !== second.length) throw new RangeError(`${first.length} and ${second.length} figures are no pairs`);
  if (first.length === 0) throw new RangeError("there are no pairs");
  const differences = first.map((value, i) => value - (second[i] as number));
  const common = { pairs: differences.length, mean: mean(differences), signFlip: signFlip(differences) };
  if (differences.length === 1) return { ...common, deviation: null, interval: null, tTest: null };
  const df = differences.length - 1;
  const deviation = sampleDeviation(differences);
  const error = deviation / Math.sqrt(differences.length);
  const reach = studentCritical(0.05, df) * error;
  return {
    ...common,
    deviation,
    interval: [common.mean - reach, common.mean + reach],
    tTest: error === 0 ? null : studentTwoSided(common.mean / error, df),
  };
}

/** Pairs whose differences' signs can all be tried: beyond, 2^n sums take too long. */
export const MOST_PAIRS = 24;

/**
 * Exact two-sided sign-flip test of differences: were there none, each could as well have had the other sign. p is the share of all
 * `2^n` choices of signs whose mean is at least as far from 0 as the one seen, so with n pairs it is never below `2^(1 - n)`.
 *
 * @throws RangeError for more than 24 differences
 */
export function signFlip(differences: readonly number[]): number {
  const n = differences.length;
  if (n > MOST_PAIRS) throw new RangeError(`2^${n} choices of signs are too many; the most are 2^${MOST_PAIRS}`);
  let sum = differences.reduce((total, value) => total + value, 0);
  // What differs from the seen sum by rounding alone is as far from 0 as it.
  const seen = Math.abs(sum) - 1e-12 * differences.reduce((total, value) => total + Math.abs(value), 0);
  const signs = new Float64Array(n).fill(1);
  let extreme = 1;
  // In Gray's order each choice differs from the one before in one sign.
  for (let choice = 1; choice < 2 ** n; choice++) {
    const at = 31 - Math.clz32(choice & -choice);
    sum -= 2 * (signs[at] as number) * (differences[at] as number);
    signs[at] = -(signs[at] as number);
    if (Math.abs(sum) >= seen) extreme++;
  }
  return extreme / 2 ** n;
}
