/**
 * Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): ten rounds that turn four counter words
 * and two key words into four random words. TensorFlow's stateless kernels (`alg=1`) compute the same words.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const M0_LOW = M0 & 0xffff;
const M0_HIGH = M0 >>> 16;
const M1_LOW = M1 & 0xffff;
const M1_HIGH = M1 >>> 16;

/**
 * Upper 32 bits of `a * (high * 2^16 + low)`, as a signed 32-bit integer.
 * JavaScript has no such product; four 16-bit products stay in integer registers, where a BigInt would be allocated.
 */
function multiplyHigh(a: number, high: number, low: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const middle = Math.imul(aHigh, low) + (Math.imul(aLow, low) >>> 16);
  const cross = Math.imul(aLow, high) + (middle & 0xffff);
  return (Math.imul(aHigh, high) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/**
 * One block of Philox4x32-10: writes four random words for a counter of four words and a key of two into `out`.
 * All words are 32 bits, given as any integers (only their lowest 32 bits count).
 */
export function philox4x32(
  out: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  let c0 = counter0 | 0;
  let c1 = counter1 | 0;
  let c2 = counter2 | 0;
  let c3 = counter3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(c0, M0_HIGH, M0_LOW);
    const low0 = Math.imul(c0, M0);
    const high1 = multiplyHigh(c2, M1_HIGH, M1_LOW);
    const low1 = Math.imul(c2, M1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}
