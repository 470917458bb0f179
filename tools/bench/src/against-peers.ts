import type { Measured } from "./measure.ts";
import { type Results, ratioOf } from "./rounds.ts";
import type { Spread } from "./spread.ts";

/** One of our variants against the best peer of a case. */
export interface AgainstPeers {
  readonly case: string;
  readonly ours: string;
  readonly peer: string;
  /** The peer's time over ours, round by round: above 1 we are faster. */
  readonly ratio: Spread;
}

/** The fastest of some measured variants. */
export function fastest(rows: readonly Measured[]): Measured | undefined {
  return rows.toSorted((a, b) => a.msPerStep - b.msPerStep)[0];
}

/** Whether a variant is one of ours. */
export function isOurs({ variant }: { variant: string }): boolean {
  return variant.startsWith("peco/");
}

/** Our best variant against the best peer, and before it the named one where that is another; nothing where no peer ran. */
export function againstPeers(rows: readonly Measured[], results: Results, named?: string): AgainstPeers[] {
  const peer = fastest(rows.filter((row) => !isOurs(row)));
  const best = fastest(rows.filter(isOurs));
  if (peer === undefined || best === undefined) return [];
  const ours = new Set([named ?? best.variant, best.variant].filter((v) => rows.some(({ variant }) => variant === v)));
  return [...ours].map((variant) => ({
    case: best.case,
    ours: variant,
    peer: peer.variant,
    ratio: ratioOf(results, peer.variant, variant),
  }));
}
