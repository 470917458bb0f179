import { type Key, random, rawOp, tf } from "tfjs-libtensorflow";

/** Uniform within ±sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010), as PyTorch's `xavier_uniform_`. */
export function xavierUniform<T extends tf.Tensor>(
  key: Key,
  shape: readonly number[],
  fanIn: number,
  fanOut: number,
): T {
  return symmetricUniform(key, shape, Math.sqrt(6 / (fanIn + fanOut)));
}

/**
 * Uniform within ±sqrt(6 / ((1 + slope²) fanIn)) (He et al. 2015). The default slope, sqrt(5), gives ±1 / sqrt(fanIn),
 * with which PyTorch starts weights and biases of its linear and convolution layers.
 */
export function kaimingUniform<T extends tf.Tensor>(
  key: Key,
  shape: readonly number[],
  fanIn: number,
  slope = Math.sqrt(5),
): T {
  return symmetricUniform(key, shape, Math.sqrt(6 / ((1 + slope ** 2) * fanIn)));
}

function symmetricUniform<T extends tf.Tensor>(key: Key, shape: readonly number[], bound: number): T {
  return tf.tidy(() => tf.mul(tf.sub(random.uniform(key, shape), 0.5), 2 * bound));
}

/**
 * Normal with deviation `std`, cut at ±`bound` by the inverse of the distribution function, as timm's and BEiT's
 * `trunc_normal_`: no value is clamped or drawn again, so that a cut at one `std` leaves a real deviation of .54 `std`.
 * @param bound absolute; BEiT's pre-training network takes `std` itself, its fine-tuning network 2
 */
export function truncatedNormal<T extends tf.Tensor>(
  key: Key,
  shape: readonly number[],
  std: number,
  bound: number,
): T {
  // Beyond five deviations a float32 uniform can't tell the difference, and the inverse would meet ±1.
  if (bound >= 5 * std) return random.normal(key, shape, 0, std) as T;
  const inside = erf(bound / std / Math.SQRT2);
  return tf.tidy(() => {
    const cut = tf.mul(tf.sub(random.uniform(key, shape), 0.5), 2 * inside);
    const [normal] = rawOp("Erfinv", { T: { kind: "type", value: "float32" } }, [cut]);
    return tf.mul<T>(normal as tf.Tensor, std * Math.SQRT2);
  });
}

/** The error function of one number to 1e-15: its Taylor series, which converges fast in the range needed (|x| < 4). */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
