import { autocast, tf } from "tfjs-libtensorflow";

/** How features are made comparable before their distance is taken: over the channels of each token, without weights. */
export type FeatureNorm = "layernorm" | "l2" | "none";

/**
 * The mean over layers of the mean squared difference of normalised features.
 * Gradients reach `features` and, if it is on the tape, `targets`; the network that made them is no concern of this function.
 * @param features of the reconstruction, one tensor a layer, [batch, tokens, width]
 * @param targets of the original, same layers and shapes
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
    const distances = features.map((feature, layer) =>
      tf.mean(tf.squaredDifference(normaliseTokens(feature, norm), normaliseTokens(targets[layer] as tf.Tensor3D, norm))),
    );
    return tf.div<tf.Scalar>(tf.addN(distances), distances.length);
  });
}

/** Each token of [batch, tokens, width] with mean 0 and deviation 1 over its channels (`layernorm`) or length 1 (`l2`). */
function normaliseTokens(tokens: tf.Tensor3D, norm: FeatureNorm): tf.Tensor3D {
  if (norm === "none") return tokens;
  const centred = norm === "layernorm" ? tf.sub(tokens, tf.mean(tokens, -1, true)) : tokens;
  const squares = tf.square(centred);
  const power = norm === "layernorm" ? tf.mean(squares, -1, true) : tf.sum(squares, -1, true);
  return tf.mul(centred, tf.rsqrt(tf.add(power, 1e-6)));
}
