import { holm, mean, type PairedDifference, pairedDifference, sampleDeviation, studentCritical } from "@peco/metrics";
import { kindOf, type StudyResults, type StudyRow } from "./results.ts";

/** A figure of two arms, to be compared seed by seed. */
export interface Endpoint {
  readonly first: string;
  readonly second: string;
  /** Name of the figure in a row. */
  readonly figure: string;
  /** Which of the study's budgets, from 0. */
  readonly budget: number;
}

/** An endpoint with what its pairs say. */
export interface Comparison extends Endpoint {
  readonly seeds: readonly string[];
  readonly differences: readonly number[];
  readonly result: PairedDifference;
}

/** Fixed before the test pictures were looked at. */
export const primary: Endpoint = { first: "peco", second: "pixel-tokens", figure: "top1", budget: 0 };

/** Corrected together by Holm. */
const secondary: readonly Endpoint[] = [
  { ...primary, budget: 1 },
  { ...primary, figure: "probe" },
  { ...primary, figure: "bag" },
  { ...primary, figure: "embeddings" },
  { ...primary, second: "untrained-network" },
];

/** Where there are test pictures of another kind. */
const others: readonly Endpoint[] = ["balanced", "otherTop1", "otherBalanced", "otherProbe"].map((figure) => ({
  ...primary,
  figure,
}));

/** The secondary endpoints of a study. */
export function secondaryOf(results: StudyResults): readonly Endpoint[] {
  return kindOf(results) === "generated" ? secondary : [...secondary, ...others];
}

/** Every other contrast that the table invites to, uncorrected. */
export const exploratory: readonly Endpoint[] = [
  ...["scratch", "scratch-4x", "perceptual-network", "masked-pixels", "pixel-tokens-flops", "feature-kmeans"].flatMap(
    (second) => [0, 1].map((budget) => ({ ...primary, second, budget })),
  ),
  // The third evaluation of the tokens: it was left out of the secondary endpoints when they were fixed, before any test picture was
  // evaluated. To add it to them now, with its figures seen, would change what the others are corrected for.
  { ...primary, figure: "latents" },
  { ...primary, first: "pixel-tokens", second: "scratch" },
  { ...primary, first: "feature-kmeans", second: "pixel-tokens" },
  { ...primary, first: "untrained-network", second: "pixel-tokens" },
  { ...primary, first: "peco-weak-colour" },
  { ...primary, first: "peco-weak-colour", second: "peco" },
  { ...primary, first: "peco-no-colour", second: "pixel-tokens-no-colour" },
];

/** Compares two arms over the seeds that both have, on the test pictures or those of validation; null where there is none. */
export function compare(
  { rows, budgets }: StudyResults,
  endpoint: Endpoint,
  of: "figures" | "validation" = "figures",
): Comparison | null {
  const budget = budgets[endpoint.budget];
  const figures = (arm: string) =>
    new Map(
      rows
        .filter((row) => budget !== undefined && row.arm === arm && row.budget === budget)
        .flatMap((row) => {
          const value = row[of]?.[endpoint.figure];
          return value === undefined ? [] : [[row.seed, value] as const];
        }),
    );
  const [first, second] = [figures(endpoint.first), figures(endpoint.second)];
  const seeds = [...first.keys()].filter((seed) => second.has(seed));
  if (seeds.length === 0) return null;
  const values = (of: Map<string, number>) => seeds.map((seed) => of.get(seed) as number);
  const [a, b] = [values(first), values(second)];
  return { ...endpoint, seeds, differences: a.map((x, i) => x - (b[i] as number)), result: pairedDifference(a, b) };
}

/** Several endpoints, those that have no pairs left out, with Holm's correction of their sign-flip p. */
export function compareTogether(
  results: StudyResults,
  endpoints: readonly Endpoint[],
): { comparison: Comparison; corrected: number }[] {
  const comparisons = endpoints.map((endpoint) => compare(results, endpoint)).filter((found) => found !== null);
  const corrected = holm(comparisons.map(({ result }) => result.signFlip));
  return comparisons.map((comparison, i) => ({ comparison, corrected: corrected[i] as number }));
}

/** A figure of one arm over its seeds. */
export interface Level {
  readonly values: readonly number[];
  readonly mean: number;
  /** Sample deviation; null for one seed. */
  readonly deviation: number | null;
  /** 95 % interval of the mean by Student's t; null for one seed. */
  readonly interval: readonly [number, number] | null;
}

/** A figure of an arm at one of the study's budgets; null where no seed has it. */
export function level(
  { rows, budgets }: StudyResults,
  arm: string,
  figure: (row: StudyRow) => number | undefined,
  budget = 0,
): Level | null {
  const values = rows
    .filter((row) => row.arm === arm && row.budget === budgets[budget])
    .map(figure)
    .filter((value) => value !== undefined);
  if (values.length === 0) return null;
  if (values.length === 1) return { values, mean: values[0] as number, deviation: null, interval: null };
  const deviation = sampleDeviation(values);
  const reach = (studentCritical(0.05, values.length - 1) * deviation) / Math.sqrt(values.length);
  const centre = mean(values);
  return { values, mean: centre, deviation, interval: [centre - reach, centre + reach] };
}
