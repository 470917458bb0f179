import { standardise } from "@peco/nn";
import { autocast, tf } from "tfjs-libtensorflow";
import { unitRows } from "./moco-loss.ts";

/** How features are made comparable before their distance is taken: over the channels of each token, without weights. */
export type FeatureNorm = "layernorm" | "l2" | "none";

/** How the features of two pictures are compared; the names are those of a recipe's `codebook.loss`. */
export interface FeatureDistance {
  readonly norm: FeatureNorm;
  /** 1: mean absolute difference. 2: mean squared difference. @default 2 */
  readonly power?: 1 | 2;
  /** Weight of each layer in the mean over layers. @default all alike */
  readonly layerWeights?: readonly number[] | null;
}

/**
 * The distance of normalised features at each layer, averaged over pictures, tokens and channels.
 * @param features of the reconstruction, one tensor a layer, [batch, tokens, width]
 * @param targets of the original, same layers and shapes
 * @throws RangeError when the numbers of layers differ or are 0
 */
export function featureDistances(
  features: readonly tf.Tensor3D[],
  targets: readonly tf.Tensor3D[],
  { norm, power = 2 }: FeatureDistance,
): tf.Scalar[] {
  if (features.length !== targets.length || features.length === 0) {
    throw new RangeError(`perceptual loss: ${features.length} layers against ${targets.length}`);
  }
  return autocast("float32", () =>
    features.map((feature, layer) => {
      const difference = tf.sub(
        normaliseFeatures(feature, norm),
        normaliseFeatures(targets[layer] as tf.Tensor3D, norm),
      );
      return tf.mean<tf.Scalar>(power === 2 ? tf.square(difference) : tf.abs(difference));
    }),
  );
}

/** The weighted mean of the layers' distances. @throws RangeError when there is not one weight for each */
export function meanOverLayers(distances: readonly tf.Scalar[], weights: readonly number[] | null = null): tf.Scalar {
  if (weights === null) return tf.div<tf.Scalar>(tf.addN([...distances]), distances.length);
  if (weights.length !== distances.length) {
    throw new RangeError(`perceptual loss: ${weights.length} weights for ${distances.length} layers`);
  }
  const weighted = distances.map((distance, layer) => tf.mul<tf.Scalar>(distance, weights[layer] as number));
  return tf.div<tf.Scalar>(
    tf.addN(weighted),
    weights.reduce((sum, weight) => sum + weight),
  );
}

/** `meanOverLayers` of `featureDistances`. */
export function perceptualLoss(
  features: readonly tf.Tensor3D[],
  targets: readonly tf.Tensor3D[],
  distance: FeatureDistance,
): tf.Scalar {
  return meanOverLayers(featureDistances(features, targets, distance), distance.layerWeights);
}

/** Each token of [batch, tokens, width] with mean 0 and deviation 1 over its channels (`layernorm`) or length 1 (`l2`). */
export function normaliseFeatures(tokens: tf.Tensor3D, norm: FeatureNorm): tf.Tensor3D {
  if (norm === "none") return tokens;
  return norm === "layernorm" ? standardise(tokens) : unitRows(tokens);
}
