import * as tf from "@tensorflow/tfjs-core";
import { binding, idsOf, rawOp, tensorFrom } from "../core/backend.ts";
import { type DType, dtypeNumber, sizeOf } from "../dtype.ts";
import type { Attributes } from "../program/attribute.ts";
import { fold, type Key, KeyWord } from "./key.ts";

/**
 * Draws of the counter-based generator Philox4x32-10 (Salmon et al. 2011) by TensorFlow's stateless kernels: the same key gives the same
 * numbers, eagerly and in compiled functions, and the same 32-bit words on every device. Distributions are made from uniform numbers by
 * the same operations everywhere, since TensorFlow's own kernels and XLA differ in theirs.
 */

const PHILOX = 1; // tensorflow::Algorithm::RNG_ALG_PHILOX
const STEP = 2 ** -23;

/** Independent uniform numbers in [0, 1): multiples of 2^-23. float32 of `shape`. */
export function uniform(k: Key, shape: readonly number[], low = 0, high = 1): tf.Tensor {
  return tf.tidy(() => {
    const unit = stateless("StatelessRandomUniformV2", k, shape, "float32");
    return low === 0 && high === 1 ? unit : tf.add(tf.mul(unit, high - low), low);
  });
}

/**
 * Rows of what `uniform(k, [rows, ...row])` gives for any number of rows, without making the others: `places` (int32 [count]) names them.
 * float32 `[count, ...row]`. The generator makes blocks of 4 numbers: where a row is no multiple of them, as many rows as begin and end
 * with a block (2 or 4) are made for each that is wanted.
 */
export function uniformRows(k: Key, places: tf.Tensor1D, row: readonly number[]): tf.Tensor {
  const size = sizeOf(row);
  const together = size % 4 === 0 ? 1 : size % 2 === 0 ? 2 : 4;
  const blocks = (together * size) / 4;
  const rowAt = (place: tf.Tensor) => {
    if (together === 1) return withCounter(k, place, blocks, row);
    const group = tf.cast(tf.floorDiv(place, tf.scalar(together, "int32")), "int32");
    const within = tf.sub(place, tf.mul(group, tf.scalar(together, "int32")));
    return tf.reshape(tf.gather(withCounter(k, group, blocks, [together, ...row]), within), [...row]);
  };
  return tf.tidy(() => tf.stack(tf.split(places, places.shape[0]).map(rowAt)));
}

/** The same of `normal`. */
export function normalRows(k: Key, places: tf.Tensor1D, row: readonly number[]): tf.Tensor {
  return tf.tidy(() => inverseNormal(toCentred(uniformRows(k, places, row))));
}

/** Independent numbers of the normal distribution. float32 of `shape`. */
export function normal(k: Key, shape: readonly number[], mean = 0, deviation = 1): tf.Tensor {
  return tf.tidy(() => scaled(inverseNormal(centred(k, shape)), mean, deviation));
}

/** Normal numbers, none of them further than two deviations from the mean. float32 of `shape`. */
export function truncatedNormal(k: Key, shape: readonly number[], mean = 0, deviation = 1): tf.Tensor {
  const within = 0.9544997361036416; // erf(2 / sqrt 2): the part of the distribution within two deviations
  return tf.tidy(() => scaled(inverseNormal(tf.mul(centred(k, shape), within)), mean, deviation));
}

/** True with probability `p` (a number or a tensor that broadcasts to `shape`). bool of `shape`. */
export function bernoulli(k: Key, shape: readonly number[], p: number | tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.less(uniform(k, shape), p));
}

/** Independent integers in [low, high), by remainder: the bias is below (high - low) / 2^32. int32 of `shape`. Throws `RangeError` when empty. */
export function integers(k: Key, shape: readonly number[], low: number, high: number): tf.Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low)
    throw new RangeError(`random.integers: [${low}, ${high}) holds no integers`);
  return tf.tidy(() => {
    const bounds = [tf.scalar(low, "int32"), tf.scalar(high, "int32")];
    return stateless("StatelessRandomUniformIntV2", k, shape, "int32", bounds);
  });
}

/** The integers 0 to n - 1 in random order: the ranks of n 32-bit words. int32 `[n]`. */
export function permutation(k: Key, n: number): tf.Tensor1D {
  return tf.tidy(() => {
    const words = stateless("StatelessRandomUniformFullIntV2", k, [n], "int32");
    return tf.topk(words, n, true).indices as tf.Tensor1D;
  });
}

/**
 * Numbers of the Beta distribution with parameters `a` and `b`, both positive: X / (X + Y) of two Gamma numbers. float32 of `shape`.
 * Throws `RangeError` for other parameters.
 */
export function beta(k: Key, shape: readonly number[], a: number, b: number): tf.Tensor {
  if (!(a > 0) || !(b > 0)) throw new RangeError(`random.beta: parameters are positive; they were ${a} and ${b}`);
  return tf.tidy(() => {
    // x / (x + y) with logarithms: for small parameters both numbers can be too small for float32.
    const x = logGamma(fold(k, "x"), shape, a);
    const y = logGamma(fold(k, "y"), shape, b);
    return tf.sigmoid(tf.sub(x, y));
  });
}

const ROUNDS = 8;

/**
 * Logarithm of Gamma(a, 1), by Marsaglia and Tsang (2000). Their loop becomes eight candidates of which the first that is accepted counts:
 * each is with probability above .95, so that none is once in 2^34 numbers; then the last one is taken.
 */
function logGamma(k: Key, shape: readonly number[], a: number): tf.Tensor {
  const boosted = a < 1 ? a + 1 : a;
  const d = boosted - 1 / 3;
  const x = normal(fold(k, "candidate"), [ROUNDS, ...shape]);
  const v = tf.pow(tf.add(tf.mul(x, 1 / Math.sqrt(9 * d)), 1), 3);
  const logV = tf.log(tf.maximum(v, 1e-30));
  const u = tf.add(uniform(fold(k, "acceptance"), [ROUNDS, ...shape]), STEP / 2);
  const bound = tf.add(tf.mul(tf.square(x), 0.5), tf.mul(tf.add(tf.sub(1, v), logV), d));
  const accepted = tf.logicalAnd(tf.greater(v, 0), tf.less(tf.log(u), bound));
  const candidates = tf.unstack(tf.add(logV, Math.log(d)));
  const choices = tf.unstack(accepted);
  let result = candidates[ROUNDS - 1] as tf.Tensor;
  for (let i = ROUNDS - 2; i >= 0; i--) result = tf.where(choices[i] as tf.Tensor, candidates[i] as tf.Tensor, result);
  if (a >= 1) return result;
  const power = tf.add(uniform(fold(k, "power"), shape), STEP / 2);
  return tf.add(result, tf.div(tf.log(power), a));
}

/** Uniform in (-1, 1), symmetric around 0, never -1. */
function centred(k: Key, shape: readonly number[]): tf.Tensor {
  return toCentred(uniform(k, shape));
}

function toCentred(unit: tf.Tensor): tf.Tensor {
  return tf.sub(tf.mul(tf.add(unit, STEP / 2), 2), 1);
}

/** The normal number with the rank `(1 + t) / 2`. */
function inverseNormal(t: tf.Tensor): tf.Tensor {
  const [inverse] = rawOp("Erfinv", { T: { kind: "type", value: "float32" } }, [t]);
  return tf.mul(inverse as tf.Tensor, Math.SQRT2);
}

function scaled(x: tf.Tensor, mean: number, deviation: number): tf.Tensor {
  const spread = deviation === 1 ? x : tf.mul(x, deviation);
  return mean === 0 ? spread : tf.add(spread, mean);
}

/** One of TensorFlow's stateless draws, Philox from the key, by the name of its operation. */
export function stateless(
  name: string,
  k: Key,
  shape: readonly number[],
  dtype: DType,
  more: tf.Tensor[] = [],
): tf.Tensor {
  return withTensors((make) => draw(make, name, k, shape, dtype, make([2], "uint64", counterWords(0n, k)), more));
}

/** Uniform numbers that begin at block `place` times `blocks` of the stream; `place` is int32 [1]. */
function withCounter(k: Key, place: tf.Tensor, blocks: number, shape: readonly number[]): tf.Tensor {
  const uint64 = { kind: "type", value: "uint64" } as const;
  const int32 = { kind: "type", value: "int32" } as const;
  return withTensors((make, keep) => {
    const run = (name: string, attributes: Attributes, inputs: number[]) =>
      keep(binding.run(name, attributes, inputs, 1));
    const wide = run("Cast", { SrcT: int32, DstT: uint64 }, idsOf([place]));
    const block = run("Mul", { T: uint64 }, [wide, make([1], "uint64", BigUint64Array.of(BigInt(blocks)))]);
    const words = [block, make([1], "uint64", BigUint64Array.of(k.stream)), make([], "int32", Int32Array.of(0))];
    const counter = run("ConcatV2", { N: { kind: "int", value: 2 }, T: uint64, Tidx: int32 }, words);
    return draw(make, "StatelessRandomUniformV2", k, shape, "float32", counter, []);
  });
}

type Make = (dims: number[], type: DType, data: Int32Array | BigUint64Array) => number;

function counterWords(block: bigint, { stream }: Key): BigUint64Array {
  return BigUint64Array.of(block, stream);
}

/** Runs `body` with a function that makes tensors below tfjs, and one that takes them over; frees them all after it. */
function withTensors(body: (make: Make, keep: (made: { id: number }[]) => number) => tf.Tensor): tf.Tensor {
  const ids: number[] = [];
  const note = (id: number) => {
    ids.push(id);
    return id;
  };
  try {
    return body(
      (dims, type, data) => note(binding.createTensor(dims, dtypeNumber(type), data)),
      ([made]) => note((made as { id: number }).id),
    );
  } finally {
    for (const id of ids) binding.deleteTensor(id);
  }
}

function draw(
  make: Make,
  name: string,
  k: Key,
  shape: readonly number[],
  dtype: DType,
  counter: number,
  more: tf.Tensor[],
): tf.Tensor {
  const size = make([shape.length], "int32", Int32Array.from(shape));
  const word = k.key instanceof KeyWord ? k.key.id : make([1], "uint64", BigUint64Array.of(k.key));
  const algorithm = make([], "int32", Int32Array.of(PHILOX));
  const attributes: Attributes = {
    Tshape: { kind: "type", value: "int32" },
    dtype: { kind: "type", value: dtype },
  };
  const [metadata] = binding.run(name, attributes, [size, word, counter, algorithm, ...idsOf(more)], 1);
  if (metadata === undefined) throw new Error(`${name} gave nothing for ${sizeOf(shape)} numbers`);
  return tensorFrom(metadata);
}
