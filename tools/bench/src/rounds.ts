import type { Competitor } from "./competitor.ts";
import { type Spread, spread } from "./spread.ts";

/** What the rounds gave for one variant. */
export interface Result {
  /** Median step of each round, in milliseconds. */
  readonly ms: number[];
  readonly lossAfter20: number;
  /** Of each round; empty for those who don't say it. */
  readonly outsideShares: number[];
  /** Why it could not run. */
  readonly failed?: string;
}

/** Results by variant. */
export type Results = ReadonlyMap<string, Result>;

/** A round of one variant lasts about as long, in milliseconds. */
const roundMs = 500;

/**
 * 20 steps each, whose losses are compared, and then rounds in which each variant runs some steps, so that a slow minute meets all alike.
 * A variant that fails takes no further part.
 */
export async function rounds(
  name: string,
  competitors: readonly Competitor[],
  { rounds, log }: { rounds: number; log: (text: string) => void },
): Promise<Results> {
  const results = new Map<string, Result>();
  const running: { competitor: Competitor; steps: number; result: Result }[] = [];
  for (const competitor of competitors) {
    const { variant } = competitor;
    try {
      const { ms, loss } = await competitor.run(20);
      const { median } = spread(ms);
      log(`${name}: ${variant} ${median.toFixed(1)} ms a step, loss ${loss.toFixed(4)} after 20`);
      const result: Result = { ms: [], lossAfter20: loss, outsideShares: [] };
      running.push({ competitor, result, steps: Math.max(2, Math.min(50, Math.round(roundMs / median))) });
      results.set(variant, result);
    } catch (error) {
      const failed = (error as Error).message.split("\n", 1)[0] ?? "";
      log(`${name}: ${variant} left out: ${failed}`);
      results.set(variant, { ms: [], lossAfter20: Number.NaN, outsideShares: [], failed });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { competitor, steps, result } of running) {
      const { ms, outsideShare } = await competitor.run(steps);
      result.ms.push(spread(ms).median);
      if (outsideShare !== undefined) result.outsideShares.push(outsideShare);
    }
    log(`${name}: round ${round + 1} of ${rounds}`);
  }
  return results;
}

/** Time of one variant over another's, round by round: above 1 the second is faster. */
export function ratioOf(results: Results, slower: string, faster: string): Spread {
  const [above, below] = [slower, faster].map((variant) => results.get(variant)?.ms ?? []) as [number[], number[]];
  return spread(above.map((value, round) => value / (below[round] ?? Number.NaN)));
}
