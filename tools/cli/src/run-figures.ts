/** The numbers among a stage's metrics, by name; those within maps as `map.name`. */
export function numbers(metrics: Readonly<Record<string, unknown>>, prefix = ""): [string, number][] {
  return Object.entries(metrics).flatMap(([name, value]): [string, number][] => {
    if (typeof value === "number") return [[`${prefix}${name}`, value]];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return numbers(value as Record<string, unknown>, `${prefix}${name}.`);
  });
}

/** The mean, or null of nothing. */
export function mean(found: readonly number[]): number | null {
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
}
