/**
 * How the values at `columns` places of an axis give those at `rows` other places: row-major [rows, columns], one row of weights for
 * each new place. A square grid is resampled by the same weights along both axes.
 */
export interface AxisWeights {
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float64Array;
}

/** Linear between the places `from` (ascending); beyond the ends the end's value. */
export function linearWeights(from: readonly number[], to: readonly number[]): AxisWeights {
  const weights = new Float64Array(to.length * from.length);
  to.forEach((target, row) => {
    const [left, share] = segmentOf(from, target);
    weights[row * from.length + left] = 1 - share;
    if (share > 0) weights[row * from.length + left + 1] = share;
  });
  return { rows: to.length, columns: from.length, weights };
}

/**
 * The cubic spline through the values at `from` (ascending) whose third derivative is continuous at the second place from
 * either end ("not a knot"): what FITPACK's `regrid` gives for smoothing 0. Beyond the ends the end's value.
 *
 * @throws RangeError for fewer than 4 places
 */
export function cubicSplineWeights(from: readonly number[], to: readonly number[]): AxisWeights {
  const n = from.length;
  if (n < 4) throw new RangeError(`a cubic spline needs 4 places, not ${n}`);
  const bend = secondDerivatives(from);
  const weights = new Float64Array(to.length * n);
  to.forEach((target, row) => {
    const [left, share] = segmentOf(from, target);
    const rest = 1 - share;
    const h = (from[left + 1] as number) - (from[left] as number);
    const [bendLeft, bendRight] = [((rest ** 3 - rest) * h * h) / 6, ((share ** 3 - share) * h * h) / 6];
    for (let j = 0; j < n; j++) {
      weights[row * n + j] =
        bendLeft * (bend[left * n + j] as number) + bendRight * (bend[(left + 1) * n + j] as number);
    }
    (weights[row * n + left] as number) += rest;
    (weights[row * n + left + 1] as number) += share;
  });
  return { rows: to.length, columns: n, weights };
}

/** The segment that holds a place, by its left end, and how far into it the place lies, 0 to 1; never the last end itself. */
function segmentOf(from: readonly number[], target: number): [left: number, share: number] {
  let left = 0;
  while (left < from.length - 2 && (from[left + 1] as number) <= target) left++;
  const [a, b] = [from[left] as number, from[left + 1] as number];
  return [left, Math.min(1, Math.max(0, (target - a) / (b - a)))];
}

/** Second derivatives at every place as a product with the values: [n, n]. */
function secondDerivatives(x: readonly number[]): Float64Array {
  const n = x.length;
  const h = (i: number) => (x[i + 1] as number) - (x[i] as number);
  const left = new Float64Array(n * n);
  const right = new Float64Array(n * n);
  const put = (into: Float64Array, row: number, column: number, value: number) => {
    into[row * n + column] = value;
  };
  for (const [row, at, sign] of [
    [0, 0, 1],
    [n - 1, n - 3, -1],
  ] as const) {
    put(left, row, at, sign * h(at + 1));
    put(left, row, at + 1, -sign * (h(at) + h(at + 1)));
    put(left, row, at + 2, sign * h(at));
  }
  for (let i = 1; i < n - 1; i++) {
    put(left, i, i - 1, h(i - 1));
    put(left, i, i, 2 * (h(i - 1) + h(i)));
    put(left, i, i + 1, h(i));
    put(right, i, i - 1, 6 / h(i - 1));
    put(right, i, i, -6 / h(i - 1) - 6 / h(i));
    put(right, i, i + 1, 6 / h(i));
  }
  return solve(left, right, n);
}

/** X of A X = B for [n, n] matrices, which are overwritten: Gaussian elimination with pivoting. */
function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const swap = (m: Float64Array, i: number, j: number) => {
    const row = m.slice(i * n, i * n + n);
    m.copyWithin(i * n, j * n, j * n + n);
    m.set(row, j * n);
  };
  const add = (m: Float64Array, to: number, from: number, factor: number) => {
    for (let k = 0; k < n; k++) (m[to * n + k] as number) += factor * (m[from * n + k] as number);
  };
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let row = i + 1; row < n; row++) {
      if (Math.abs(a[row * n + i] as number) > Math.abs(a[pivot * n + i] as number)) pivot = row;
    }
    for (const m of [a, b]) swap(m, i, pivot);
    for (let row = 0; row < n; row++) {
      const factor = row === i ? 0 : -(a[row * n + i] as number) / (a[i * n + i] as number);
      if (factor !== 0) for (const m of [a, b]) add(m, row, i, factor);
    }
  }
  return b.map((value, at) => value / (a[Math.floor(at / n) * (n + 1)] as number));
}

/**
 * Antialiased bicubic resampling of `from` cells to `to` (a = -1/2; the filter widens when shrinking; weights cut at the border and
 * normalised): Pillow's, and PyTorch's `interpolate(mode="bicubic", antialias=True)`.
 */
export function bicubicWeights(from: number, to: number): AxisWeights {
  const weights = new Float64Array(to * from);
  const scale = from / to;
  const width = Math.max(1, scale);
  for (let row = 0; row < to; row++) {
    const centre = scale * (row + 0.5);
    const first = Math.max(0, Math.trunc(centre - 2 * width + 0.5));
    const end = Math.min(from, Math.trunc(centre + 2 * width + 0.5));
    const found = Array.from({ length: end - first }, (_, i) => cubic((first + i - centre + 0.5) / width));
    const sum = found.reduce((total, weight) => total + weight, 0);
    found.forEach((weight, i) => {
      weights[row * from + first + i] = weight / sum;
    });
  }
  return { rows: to, columns: from, weights };
}

/** Keys' cubic with a = -1/2. */
function cubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** A grid [columns, columns, channels] resampled along both axes: [rows, rows, channels]. */
export function resampleGrid(values: Float32Array, channels: number, axis: AxisWeights): Float32Array {
  const { rows, columns } = axis;
  const once = alongFirst(Float64Array.from(values), columns, columns * channels, axis); // [rows, columns, channels]
  const out = new Float32Array(rows * rows * channels);
  const line = columns * channels;
  for (let row = 0; row < rows; row++) {
    out.set(alongFirst(once.subarray(row * line, (row + 1) * line), columns, channels, axis), row * rows * channels);
  }
  return out;
}

/** [count, width] to [rows, width]. */
function alongFirst(values: Float64Array, count: number, width: number, { rows, weights }: AxisWeights): Float64Array {
  const out = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let from = 0; from < count; from++) {
      const weight = weights[row * count + from] as number;
      if (weight === 0) continue;
      for (let i = 0; i < width; i++) {
        (out[row * width + i] as number) += weight * (values[from * width + i] as number);
      }
    }
  }
  return out;
}
