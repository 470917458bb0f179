import type { Recipe } from "../schema.ts";

/** A rule about values that are each fine alone. */
export interface Rule {
  /** The values it reads; the first is where the problem is shown. */
  readonly paths: readonly [string, ...string[]];
  /** What is wrong, or null. */
  readonly problem: (recipe: Recipe) => string | null;
}

/** A problem where something is wrong, else null. */
export const says = (wrong: boolean, problem: string): string | null => (wrong ? problem : null);
