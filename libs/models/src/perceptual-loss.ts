import { standardise } from "@peco/nn";
import { autocast, tf } from "tfjs-libtensorflow";

/** How features are made comparable before their distance is taken: over the channels of each token, without weights. */
export type FeatureNorm = "layernorm" | "l2" | "none";

/**
 * The mean over layers of the mean squared difference of normalised features.
 * @param features of the reconstruction, one tensor a layer, [batch, tokens, width]
 * @param targets of the original, same layers and shapes
 * @throws RangeError when the numbers of layers differ or are 0
 */
export function perceptualLoss(
  features: readonly tf.Tensor3D[],
  targets: readonly tf.Tensor3D[],
  norm: FeatureNorm,
): tf.Scalar {
  if (features.length !== targets.length || features.length === 0) {
    throw new RangeError(`perceptual loss: ${features.length} layers against ${targets.length}`);
  }
  return autocast("float32", () => {
    const distances = features.map((feature, layer) => {
      const difference = tf.sub(
        normaliseFeatures(feature, norm),
        normaliseFeatures(targets[layer] as tf.Tensor3D, norm),
      );
      return tf.mean(tf.square(difference));
    });
    return tf.div<tf.Scalar>(tf.addN(distances), distances.length);
  });
}

/** Each token of [batch, tokens, width] with mean 0 and deviation 1 over its channels (`layernorm`) or length 1 (`l2`). */
export function normaliseFeatures(tokens: tf.Tensor3D, norm: FeatureNorm): tf.Tensor3D {
  if (norm === "none") return tokens;
  if (norm === "layernorm") return standardise(tokens);
  return tf.mul(tokens, tf.rsqrt(tf.add(tf.sum(tf.square(tokens), -1, true), 1e-6)));
}
