/**
 * Keys of random streams. A key is folded, never advanced: the numbers of a step follow from its name alone, so that a checkpoint holds
 * no generator.
 */

const MASK = 0xffffffffffffffffn;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** The 64-bit word of a key inside a function that is being traced: an input of the program. */
export class KeyWord {
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
}

/**
 * Names one random stream: `key` are Philox's key words and `stream` the upper two counter words, both 64 bits unsigned. Inside a traced
 * function `key` is an input, and what is folded into `stream` is fixed.
 */
export interface Key {
  readonly key: bigint | KeyWord;
  readonly stream: bigint;
}

/** A key outside of traced functions. */
export interface HostKey extends Key {
  readonly key: bigint;
}

/** The key of a seed, an integer taken modulo 2^64, with stream 0. Throws `RangeError` for a number that is no safe integer. */
export function key(seed: number | bigint): HostKey {
  return { key: toUint64(seed), stream: 0n };
}

/**
 * The key of a named part of `k`: same `key`, `stream` mixed with each part in turn (integers modulo 2^64; strings by their FNV-1a 64
 * hash). Different orders give different keys. Throws `RangeError` for a number that is no safe integer.
 */
export function fold<K extends Key>(k: K, ...parts: (number | bigint | string)[]): K {
  let { stream } = k;
  for (const part of parts) stream = mix64(stream, typeof part === "string" ? hashName(part) : toUint64(part));
  return { ...k, stream };
}

/** The key handed to a compiled step: both words of `k` mixed into `key`, so that one number changes from step to step. */
export function root(k: Key): HostKey {
  if (typeof k.key !== "bigint") throw new TypeError("random.root needs a key from outside of the traced function");
  return { key: mix64(k.key, k.stream), stream: 0n };
}

/** SplitMix64's finaliser (Steele, Lea, Flood 2014) over `state` combined with `part`; both and the result are 64 bits unsigned. */
function mix64(state: bigint, part: bigint): bigint {
  let z = state ^ ((part + GOLDEN + ((state << 6n) & MASK) + (state >> 2n)) & MASK);
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

function hashName(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  return hash;
}

function toUint64(value: number | bigint): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value))
    throw new RangeError(
      `a key is made of integers, and ${value} is none (or is too large for a number: use a bigint)`,
    );
  return BigInt.asUintN(64, BigInt(value));
}
