/**
 * Keys of random streams. A key is folded, never advanced: the numbers of a step or a sample follow from its name alone, so that a
 * checkpoint holds no generator and a run can start anywhere.
 */

const MASK = 0xffffffffffffffffn;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** Names one random stream: 64-bit unsigned `key` (Philox key words) and `stream` (upper two counter words). */
export interface Key {
  readonly key: bigint;
  readonly stream: bigint;
}

/** What a key can be folded with: an integer (taken modulo 2^64) or a name (by its UTF-8 FNV-1a hash). */
export type KeyPart = number | bigint | string;

/** The key of a seed, an integer taken modulo 2^64, with stream 0. Throws `RangeError` for a number that is no safe integer. */
export function key(seed: number | bigint): Key {
  return { key: toUint64(seed), stream: 0n };
}

/** The key of a named part of `k`: same `key`, and `stream` mixed with each part in turn. Different orders give different keys. */
export function fold(k: Key, ...parts: KeyPart[]): Key {
  let stream = k.stream;
  for (const part of parts) stream = mix64(stream, typeof part === "string" ? hashName(part) : toUint64(part));
  return { key: k.key, stream };
}

/** The key handed to a compiled program: both words of `k` mixed into `key`, so that only one number changes from step to step. */
export function root(k: Key): Key {
  return { key: mix64(k.key, k.stream), stream: 0n };
}

/** SplitMix64's finaliser (Steele, Lea, Flood 2014) over `state` combined with `part`; both and the result are 64-bit unsigned. */
export function mix64(state: bigint, part: bigint): bigint {
  let z = state ^ ((part + GOLDEN + ((state << 6n) & MASK) + (state >> 2n)) & MASK);
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

const encoder = new TextEncoder();
// Names are few and written in the source (stages, parts of an augmentation), and each is folded once per sample.
const hashes = new Map<string, bigint>();

/** FNV-1a, 64 bits, of the UTF-8 bytes of `name`. */
export function hashName(name: string): bigint {
  const known = hashes.get(name);
  if (known !== undefined) return known;
  let hash = 0xcbf29ce484222325n;
  for (const byte of encoder.encode(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  if (hashes.size < 1024) hashes.set(name, hash);
  return hash;
}

function toUint64(value: number | bigint): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(
      `a key is made of integers, and ${value} is none (or is too large for a number: use a bigint)`,
    );
  }
  return BigInt.asUintN(64, BigInt(value));
}
