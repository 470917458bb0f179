import type { Stream } from "../src/index.ts";

/** A stream whose random numbers are given: uniform ones in [0, 1), and standard normal ones where `normal` is called. */
export function replayed(given: readonly number[]): Stream {
  let taken = 0;
  const next = (): number => {
    const value = given[taken++];
    if (value === undefined) throw new Error(`more than the ${given.length} given random numbers are drawn`);
    return value;
  };
  const uniform = (low = 0, high = 1) => low + (high - low) * next();
  const stream: Partial<Stream> = {
    uniform,
    logUniform: (low, high) => Math.exp(uniform(Math.log(low), Math.log(high))),
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    bernoulli: (probability) => next() < probability,
    normal: (mean = 0, deviation = 1) => mean + deviation * next(),
    shuffle: (items) => items,
  };
  return stream as Stream;
}
