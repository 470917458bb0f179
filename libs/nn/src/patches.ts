import { tf } from "tfjs-libtensorflow";

/** Mean and deviation of each colour, in units of [0, 1]. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Pictures with values 0..255, [batch, height, width, 3], to (x / 255 - mean) / std, float32. */
export function normalisePictures(pictures: tf.Tensor4D, normalisation: Normalisation): tf.Tensor4D {
  const { scale, shift } = affineOf(normalisation, 1);
  return tf.add(tf.mul(tf.cast(pictures, "float32"), scale), shift);
}

/**
 * Cuts pictures [batch, height, width, channels] into patches, row by row: [batch * patches, patch * patch * channels],
 * each patch's values by row, column, channel.
 */
export function patches(pictures: tf.Tensor4D, patch: number): tf.Tensor2D {
  const [batch, height, width, channels] = pictures.shape;
  const rows = tf.reshape(pictures, [(batch * height) / patch, patch, width / patch, patch * channels]);
  return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [-1, patch * patch * channels]);
}

/** The patches of pictures with values 0..255, normalised: float32 [batch * patches, patch * patch * 3]. */
export function normalisedPatches(pictures: tf.Tensor4D, patch: number, normalisation: Normalisation): tf.Tensor2D {
  // After the cut a row is a whole patch, and the scale is as long: elementwise over 192 values, not over 3.
  const { scale, shift } = affineOf(normalisation, patch * patch);
  return tf.add(tf.mul(tf.cast(patches(pictures, patch), "float32"), scale), shift);
}

function affineOf({ mean, std }: Normalisation, times: number): { scale: tf.Tensor1D; shift: tf.Tensor1D } {
  const repeat = (values: number[]) => tf.tensor1d(Array.from({ length: times }, () => values).flat());
  return {
    scale: repeat(std.map((deviation) => 1 / (255 * deviation))),
    shift: repeat(mean.map((value, i) => -value / (std[i] as number))),
  };
}
