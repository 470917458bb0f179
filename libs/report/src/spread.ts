/** Mean and sample deviation of a few values; the deviation is null for fewer than two. */
export interface Spread {
  mean: number;
  deviation: number | null;
  count: number;
}

/** Mean and sample deviation (n - 1 below the sum) of seeds' or networks' figures. */
export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length < 2) return { mean, deviation: null, count: values.length };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)), count: values.length };
}
