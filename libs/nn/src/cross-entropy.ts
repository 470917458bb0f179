import { autocast, tf } from "tfjs-libtensorflow";

/**
 * Cross-entropy of each row of logits [n, classes] against its label (int32 [n]), in nats: float32 [n]. With
 * `smoothing` s the target is 1 - s + s / classes for the label and s / classes for every other class.
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  return softCrossEntropy(logits, smoothedOneHot(labels, logits.shape[1], smoothing));
}

/** Targets of `crossEntropy`: float32 [n, classes]; each row sums to 1. */
export function smoothedOneHot(labels: tf.Tensor1D, classes: number, smoothing = 0): tf.Tensor2D {
  const off = smoothing / classes;
  return tf.oneHot(labels, classes, 1 - smoothing + off, off, "float32") as tf.Tensor2D;
}

/**
 * Cross-entropy of each row of logits against a distribution over the classes (rows of `targets` sum to 1; no gradient
 * flows into them): float32 [n]. Its gradient is softmax minus target, without the detours of its parts.
 */
export function softCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor1D {
  const operation = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const normaliser = tf.logSumExp(rows, 1, true);
    const value = tf.sub(tf.squeeze(normaliser, [1]), tf.sum(tf.mul(rows, targets), 1));
    (save as tf.GradSaveFunc)([rows, normaliser, targets]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [rows, normaliser, targets] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        return tf.mul(tf.sub(tf.exp(tf.sub(rows, normaliser)), targets), tf.expandDims(dy, 1));
      },
    };
  });
  return autocast("float32", () => operation(logits) as tf.Tensor1D);
}

/** Mean of the squared differences of two tensors of one shape. */
export function meanSquaredError(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  return autocast("float32", () => tf.mean(tf.square(tf.sub(a, b))));
}

/** Share of rows of logits [n, classes] whose largest entry is at the label (int32 [n]). Has no gradient. */
export function accuracy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32"));
}
