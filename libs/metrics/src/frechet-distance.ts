import { symmetricEigen } from "./symmetric-eigen.ts";

/** Mean `[width]` and covariance `[width, width]` (over n - 1) of vectors. */
export interface Gaussian {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

/** Collects mean and covariance of vectors that come in pieces, in float64. */
export class VectorMoments {
  readonly width: number;
  #count = 0;
  /** The first vector, which all are taken relative to, so that a large mean cancels nothing. */
  #origin: Float64Array | undefined;
  readonly #sums: Float64Array;
  /** Lower triangle of the sums of products. */
  readonly #products: Float64Array;

  constructor(width: number) {
    this.width = width;
    this.#sums = new Float64Array(width);
    this.#products = new Float64Array(width * width);
  }

  /** Vectors added so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds vectors `[n, width]`. */
  add(vectors: ArrayLike<number>): void {
    const { width } = this;
    if (vectors.length % width !== 0) throw new RangeError(`${vectors.length} values are no vectors of ${width}`);
    for (let at = 0; at < vectors.length; at += width) this.#addOne(vectors, at);
  }

  #addOne(vectors: ArrayLike<number>, at: number): void {
    const { width } = this;
    this.#origin ??= Float64Array.from({ length: width }, (_, i) => vectors[at + i] as number);
    const centred = new Float64Array(width);
    for (let i = 0; i < width; i++) centred[i] = (vectors[at + i] as number) - (this.#origin[i] as number);
    for (let i = 0; i < width; i++) {
      const value = centred[i] as number;
      this.#sums[i] = (this.#sums[i] as number) + value;
      const row = i * width;
      for (let j = 0; j <= i; j++)
        this.#products[row + j] = (this.#products[row + j] as number) + value * (centred[j] as number);
    }
    this.#count++;
  }

  /** The Gaussian with these moments. @throws RangeError for fewer than two vectors */
  gaussian(): Gaussian {
    const { width } = this;
    const n = this.#count;
    if (n < 2) throw new RangeError(`${n} vectors have no covariance`);
    const covariance = new Float64Array(width * width);
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++) {
        const together = (this.#sums[i] as number) * (this.#sums[j] as number);
        const value = ((this.#products[i * width + j] as number) - together / n) / (n - 1);
        covariance[i * width + j] = value;
        covariance[j * width + i] = value;
      }
    }
    const mean = this.#sums.map((sum, i) => ((this.#origin as Float64Array)[i] as number) + sum / n);
    return { mean, covariance };
  }
}

/**
 * The Frechet distance of two Gaussians (Heusel et al. 2017): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The trace of the root is the
 * sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric, so that no value turns complex as with a general
 * matrix square root; eigenvalues below 0 are rounding and count as 0.
 */
export function frechetDistance(first: Gaussian, second: Gaussian): number {
  const n = first.mean.length;
  if (second.mean.length !== n) throw new RangeError(`vectors of ${n} and ${second.mean.length} cannot be compared`);
  let distance = 0;
  for (let i = 0; i < n; i++) {
    distance += ((first.mean[i] as number) - (second.mean[i] as number)) ** 2;
    distance += (first.covariance[i * n + i] as number) + (second.covariance[i * n + i] as number);
  }
  const root = symmetricRoot(first.covariance, n);
  const { values } = symmetricEigen(symmetric(product(product(root, second.covariance, n), root, n), n), n);
  for (const value of values) distance -= 2 * Math.sqrt(Math.max(value, 0));
  return Math.max(distance, 0);
}

/** The symmetric square root of a covariance. */
function symmetricRoot(matrix: Float64Array, n: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n);
  const roots = values.map((value) => Math.sqrt(Math.max(value, 0)));
  const scaled = vectors.map((entry, i) => entry * (roots[i % n] as number));
  return product(scaled, transposed(vectors, n), n);
}

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const value = a[i * n + k] as number;
      if (value === 0) continue;
      for (let j = 0; j < n; j++) result[i * n + j] = (result[i * n + j] as number) + value * (b[k * n + j] as number);
    }
  }
  return result;
}

function transposed(a: Float64Array, n: number): Float64Array {
  return a.map((_, i) => a[(i % n) * n + Math.floor(i / n)] as number);
}

/** The mean of a matrix and its transpose, which rounding has made differ. */
function symmetric(a: Float64Array, n: number): Float64Array {
  const other = transposed(a, n);
  return a.map((value, i) => (value + (other[i] as number)) / 2);
}
