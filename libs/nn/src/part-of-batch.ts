import { type Key, random, tf } from "tfjs-libtensorflow";

/** The pictures that a program sees where it computes a part of a batch. */
export interface PartOfBatch {
  /** Pictures in the whole batch. */
  readonly of: number;
  /** The place in it of each picture of the part, int32 [pictures]. */
  readonly places: tf.Tensor1D;
}

/**
 * A uniform number in [0, 1) for each of some things of a batch, float32 [count]: in a part they are those that its things
 * have in the whole batch, so that a result does not depend on how the batch was divided.
 * @param count of the part, or of the whole where there is none
 */
export function uniformEach(key: Key, count: number, part?: PartOfBatch): tf.Tensor1D {
  if (part === undefined) return random.uniform(key, [count]) as tf.Tensor1D;
  return tf.gather(random.uniform(key, [part.of]) as tf.Tensor1D, part.places);
}
