import { type Key, tf } from "tfjs-libtensorflow";
import { type PartOfBatch, uniformEach } from "./part-of-batch.ts";

/**
 * Stochastic depth (Huang et al. 2016): drops a residual branch for whole samples with probability `rate` and divides what
 * is kept by 1 - rate.
 * @param x [batch * tokens, width], sample by sample; `tokens` rows belong to one sample and are dropped together
 * @param part which of a larger batch the samples are
 */
export function dropPath(key: Key, x: tf.Tensor2D, tokens: number, rate: number, part?: PartOfBatch): tf.Tensor2D {
  if (rate === 0) return x;
  const batch = x.shape[0] / tokens;
  const draws = tf.reshape(uniformEach(key, batch, part), [batch, 1, 1]);
  const kept = tf.cast(tf.greaterEqual(draws, rate), "float32");
  const samples = tf.reshape(x, [batch, tokens, x.shape[1]]);
  return tf.reshape(tf.mul(samples, tf.div(kept, 1 - rate)), [x.shape[0], x.shape[1]]);
}

/** The rate of each of `depth` blocks: from 0 to `rate` in equal steps, BEiT's linspace(0, rate, depth). */
export function dropPathRates(rate: number, depth: number): number[] {
  return Array.from({ length: depth }, (_, block) => (depth === 1 ? 0 : (rate * block) / (depth - 1)));
}
