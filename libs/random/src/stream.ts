import type { Key } from "./key.ts";
import { philox4x32 } from "./philox.ts";

/** The random numbers of `key`, from the first. Two streams of equal keys give equal numbers. */
export function stream(key: Key): Stream {
  return new Stream(key);
}

/**
 * A sequence of random numbers that belongs to one key. The n-th 32-bit integer is word `n % 4` of Philox block `n / 4`, which is what
 * TensorFlow's stateless kernels give for the same key and counter. Not for sharing: fold a key for each sample and part instead.
 */
export class Stream {
  readonly #words = new Uint32Array(4);
  readonly #key0: number;
  readonly #key1: number;
  readonly #stream0: number;
  readonly #stream1: number;
  #block = 0;
  #used = 4;
  #spareNormal = Number.NaN;

  constructor(key: Key) {
    this.#key0 = Number(key.key & 0xffffffffn);
    this.#key1 = Number(key.key >> 32n);
    this.#stream0 = Number(key.stream & 0xffffffffn);
    this.#stream1 = Number(key.stream >> 32n);
  }

  /** The next 32 random bits, as an unsigned integer. */
  uint32(): number {
    if (this.#used === 4) this.#refill();
    return this.#words[this.#used++] as number;
  }

  #refill(): void {
    const high = Math.floor(this.#block / 0x100000000);
    philox4x32(this.#words, this.#block, high, this.#stream0, this.#stream1, this.#key0, this.#key1);
    this.#block++;
    this.#used = 0;
  }

  /** Uniform in [low, high): `low + (high - low) * k / 2^23`, with the 23 bits that TensorFlow takes. `low > high` is allowed, as in Python. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.uint32() & 0x7fffff) * 2 ** -23);
  }

  /** Uniform in the logarithm: `exp(U(ln low, ln high))`. Throws `RangeError` unless both are positive. */
  logUniform(low: number, high: number): number {
    if (!(low > 0 && high > 0)) throw new RangeError(`logUniform wants positive bounds, not ${low} and ${high}`);
    return Math.exp(this.uniform(Math.log(low), Math.log(high)));
  }

  /** Normal, by Box and Muller from two integers each pair, sine first, as TensorFlow's kernels do it. */
  normal(mean = 0, deviation = 1): number {
    if (!Number.isNaN(this.#spareNormal)) {
      const spare = this.#spareNormal;
      this.#spareNormal = Number.NaN;
      return mean + deviation * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(Math.max(this.uniform(), 1e-7)));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = Math.cos(angle) * radius;
    return mean + deviation * Math.sin(angle) * radius;
  }

  /** Integer, uniform in [low, high], both ends inclusive and exactly so. Throws `RangeError` for an empty range or one above 2^32. */
  integer(low: number, high: number): number {
    const count = high - low + 1;
    if (!(Number.isSafeInteger(low) && Number.isSafeInteger(high) && count >= 1 && count <= 0x100000000)) {
      throw new RangeError(
        `integer wants whole bounds, low <= high, at most 2^32 values apart, not ${low} and ${high}`,
      );
    }
    // The last, incomplete run of `count` values among the 2^32 is drawn again, else small values would come more often.
    const limit = 0x100000000 - (0x100000000 % count);
    let bits = this.uint32();
    while (bits >= limit) bits = this.uint32();
    return low + (bits % count);
  }

  /** True with the given probability. */
  bernoulli(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Puts the elements of `items` into a uniformly random order, in place (Fisher and Yates), and returns it. */
  shuffle<T extends unknown[] | Uint8Array | Uint16Array | Int32Array | Uint32Array | Float32Array>(items: T): T {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(0, last);
      const kept = items[last];
      items[last] = items[other];
      items[other] = kept;
    }
    return items;
  }

  /** The numbers 0 to `length - 1` in a uniformly random order. */
  permutation(length: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length }, (_, index) => index));
  }

  /** Beta distribution in [0, 1], both parameters positive: the ratio of two gammas, in logarithms so that small parameters do not underflow. */
  beta(alpha: number, beta: number): number {
    const first = this.#logGammaDraw(alpha);
    const second = this.#logGammaDraw(beta);
    return 1 / (1 + Math.exp(second - first));
  }

  /** Logarithm of a draw from Gamma(shape, 1), by Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
  #logGammaDraw(shape: number): number {
    if (!(shape > 0 && shape < Number.POSITIVE_INFINITY))
      throw new RangeError(`beta wants positive parameters, not ${shape}`);
    if (shape < 1) return this.#logGammaDraw(shape + 1) + Math.log(1 - this.uniform()) / shape;
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
    }
  }
}
