/** Names of the resampling filters. */
export const filters = ["bilinear", "bicubic", "lanczos"] as const;
/** A resampling filter. */
export type Filter = (typeof filters)[number];

const kernels: Record<Filter, { support: number; weight: (x: number) => number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -1/2, as Pillow has it. */
function bicubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** How each place of an axis is made: where its first input lies, and its `taps` weights, whose sum is 1 (unused ones are 0). */
export interface AxisWeights {
  readonly taps: number;
  /** `[to]` */
  readonly start: Int32Array;
  /** `[to, taps]` */
  readonly weights: Float64Array;
}

/**
 * The weights that take an axis of `from` pixels to one of `to`, as Pillow has them (`src/libImaging/Resample.c`): the filter is widened
 * when shrinking, and what of it lies outside the picture is cut off and the rest normalised.
 */
export function axisWeights(from: number, to: number, filter: Filter): AxisWeights {
  const { support, weight } = kernels[filter];
  const scale = from / to;
  const widened = Math.max(1, scale);
  const reach = support * widened;
  const narrowing = 1 / widened;
  const span = (place: number) => {
    const centre = (place + 0.5) * scale;
    return {
      centre,
      first: Math.max(0, Math.trunc(centre - reach + 0.5)),
      end: Math.min(from, Math.trunc(centre + reach + 0.5)),
    };
  };
  let taps = 1;
  for (let place = 0; place < to; place++) taps = Math.max(taps, span(place).end - span(place).first);
  const start = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let place = 0; place < to; place++) {
    const { centre, first, end } = span(place);
    // All rows have `taps` weights, so the last ones start earlier and have their zeros in front.
    const begin = Math.min(first, from - taps);
    let sum = 0;
    for (let at = first; at < end; at++)
      sum += weights[place * taps + at - begin] = weight((at - centre + 0.5) * narrowing);
    for (let tap = 0; tap < taps; tap++) weights[place * taps + tap] = (weights[place * taps + tap] as number) / sum;
    start[place] = begin;
  }
  return { taps, start, weights };
}
