/** Eigenvalues, ascending, and where asked for their vectors. */
export interface SymmetricEigen {
  /** `[n]`, ascending. */
  readonly values: Float64Array;
  /** `[n, n]`: column i is the unit vector of value i. */
  readonly vectors: Float64Array;
}

/**
 * All eigenvalues and eigenvectors of a symmetric matrix `[n, n]`: Householder's reduction to three diagonals, then the implicit QL
 * algorithm (Wilkinson and Reinsch's tred2 and tql2, public domain as EISPACK and JAMA).
 *
 * @throws RangeError when the matrix is not square, or holds values that are not finite
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  if (matrix.length !== n * n) throw new RangeError(`${matrix.length} values are no ${n} x ${n} matrix`);
  if (!matrix.every(Number.isFinite)) throw new RangeError(`the ${n} x ${n} matrix holds values that are not finite`);
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  // What is nothing beside the largest is 0: lengths of vectors below float64's normal range would have few digits.
  const v = matrix.map((value) => (Math.abs(value / largest) < negligible ? 0 : value / largest));
  const [d, e] = [new Float64Array(n), new Float64Array(n)];
  tridiagonalise(v, d, e, n);
  diagonalise(v, d, e, n);
  return ascending(
    d.map((value) => value * largest),
    v,
    n,
  );
}

const negligible = 1e-100;

/** Row i of the lower triangle holds the Householder vector of step i; then all are multiplied up into `v`. */
function tridiagonalise(v: Float64Array, d: Float64Array, e: Float64Array, n: number): void {
  const at = (row: number, column: number) => v[row * n + column] as number;
  for (let j = 0; j < n; j++) d[j] = at(n - 1, j);
  for (let i = n - 1; i > 0; i--) {
    let [scale, h] = [0, 0];
    for (let k = 0; k < i; k++) scale += Math.abs(d[k] as number);
    if (scale === 0) {
      e[i] = d[i - 1] as number;
      for (let j = 0; j < i; j++) {
        d[j] = at(i - 1, j);
        v[i * n + j] = 0;
        v[j * n + i] = 0;
      }
    } else {
      for (let k = 0; k < i; k++) {
        d[k] = (d[k] as number) / scale;
        h += (d[k] as number) ** 2;
      }
      const f = d[i - 1] as number;
      const g = f > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      d[i - 1] = f - g;
      reflect(v, d, e, n, i, h);
    }
    d[i] = h;
  }
  multiplyUp(v, d, n);
  e[0] = 0;
}

/** The similarity transformation of one Householder step on the leading i x i part. */
function reflect(v: Float64Array, d: Float64Array, e: Float64Array, n: number, i: number, h: number): void {
  const at = (row: number, column: number) => v[row * n + column] as number;
  e.fill(0, 0, i);
  for (let j = 0; j < i; j++) {
    const f = d[j] as number;
    v[j * n + i] = f;
    let g = (e[j] as number) + at(j, j) * f;
    for (let k = j + 1; k < i; k++) {
      g += at(k, j) * (d[k] as number);
      e[k] = (e[k] as number) + at(k, j) * f;
    }
    e[j] = g;
  }
  let f = 0;
  for (let j = 0; j < i; j++) {
    e[j] = (e[j] as number) / h;
    f += (e[j] as number) * (d[j] as number);
  }
  const half = f / (h + h);
  for (let j = 0; j < i; j++) e[j] = (e[j] as number) - half * (d[j] as number);
  for (let j = 0; j < i; j++) {
    const [dj, ej] = [d[j] as number, e[j] as number];
    for (let k = j; k < i; k++) v[k * n + j] = at(k, j) - (dj * (e[k] as number) + ej * (d[k] as number));
    d[j] = at(i - 1, j);
    v[i * n + j] = 0;
  }
}

/** Accumulates the reflections into the orthogonal matrix. */
function multiplyUp(v: Float64Array, d: Float64Array, n: number): void {
  const at = (row: number, column: number) => v[row * n + column] as number;
  for (let i = 0; i < n - 1; i++) {
    v[(n - 1) * n + i] = at(i, i);
    v[i * n + i] = 1;
    const h = d[i + 1] as number;
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = at(k, i + 1) / h;
      for (let j = 0; j <= i; j++) {
        let g = 0;
        for (let k = 0; k <= i; k++) g += at(k, i + 1) * at(k, j);
        for (let k = 0; k <= i; k++) v[k * n + j] = at(k, j) - g * (d[k] as number);
      }
    }
    for (let k = 0; k <= i; k++) v[k * n + i + 1] = 0;
  }
  for (let j = 0; j < n; j++) {
    d[j] = at(n - 1, j);
    v[(n - 1) * n + j] = 0;
  }
  v[n * n - 1] = 1;
}

/** Sweeps of QL for one eigenvalue, at most; two or three are usual. */
const sweeps = 60;

function diagonalise(v: Float64Array, d: Float64Array, e: Float64Array, n: number): void {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  let [shift, largest] = [0, 0];
  for (let l = 0; l < n; l++) {
    largest = Math.max(largest, Math.abs(d[l] as number) + Math.abs(e[l] as number));
    let m = l;
    while (m < n - 1 && Math.abs(e[m] as number) > Number.EPSILON * largest) m++;
    for (let sweep = 0; m > l && Math.abs(e[l] as number) > Number.EPSILON * largest; sweep++) {
      if (sweep === sweeps) throw new RangeError("the eigenvalues do not converge");
      shift += shiftBy(d, e, n, l);
      rotate(v, d, e, n, l, m);
    }
    d[l] = (d[l] as number) + shift;
    e[l] = 0;
  }
}

/** Takes the implicit shift from the diagonal and returns it. */
function shiftBy(d: Float64Array, e: Float64Array, n: number, l: number): number {
  const g = d[l] as number;
  const p = ((d[l + 1] as number) - g) / (2 * (e[l] as number));
  const r = p < 0 ? -Math.hypot(p, 1) : Math.hypot(p, 1);
  d[l] = (e[l] as number) / (p + r);
  d[l + 1] = (e[l] as number) * (p + r);
  const h = g - (d[l] as number);
  for (let i = l + 2; i < n; i++) d[i] = (d[i] as number) - h;
  return h;
}

/** One QL sweep from row m up to row l. */
function rotate(v: Float64Array, d: Float64Array, e: Float64Array, n: number, l: number, m: number): void {
  const dl1 = d[l + 1] as number;
  const el1 = e[l + 1] as number;
  let p = d[m] as number;
  let [c, c2, c3, s, s2] = [1, 1, 1, 0, 0];
  for (let i = m - 1; i >= l; i--) {
    c3 = c2;
    c2 = c;
    s2 = s;
    const g = c * (e[i] as number);
    const h = c * p;
    const r = Math.hypot(p, e[i] as number);
    e[i + 1] = s * r;
    s = (e[i] as number) / r;
    c = p / r;
    p = c * (d[i] as number) - s * g;
    d[i + 1] = h + s * (c * g + s * (d[i] as number));
    for (let k = 0; k < n; k++) {
      const right = v[k * n + i + 1] as number;
      const left = v[k * n + i] as number;
      v[k * n + i + 1] = s * left + c * right;
      v[k * n + i] = c * left - s * right;
    }
  }
  p = (-s * s2 * c3 * el1 * (e[l] as number)) / dl1;
  e[l] = s * p;
  d[l] = c * p;
}

function ascending(d: Float64Array, v: Float64Array, n: number): SymmetricEigen {
  const order = Array.from(d.keys()).sort((a, b) => (d[a] as number) - (d[b] as number));
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    for (let k = 0; k < n; k++) vectors[k * n + to] = v[k * n + from] as number;
  });
  return { values: Float64Array.from(order, (from) => d[from] as number), vectors };
}
