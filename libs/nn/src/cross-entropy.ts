import { type Attributes, rawOp, tf } from "tfjs-libtensorflow";

/**
 * Cross-entropy of each row of logits [n, classes] against its label (int32 [n]), in nats: float32 [n]. With
 * `smoothing` s the target is 1 - s + s / classes for the label and s / classes for every other class.
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  if (smoothing > 0) return softCrossEntropy(logits, smoothedOneHot(labels, logits.shape[1], smoothing));
  const attributes: Attributes = { Tlabels: { kind: "type", value: "int32" } };
  return fused("SparseSoftmaxCrossEntropyWithLogits", attributes, logits, labels);
}

/** Targets of `crossEntropy`: float32 [n, classes]; each row sums to 1. */
export function smoothedOneHot(labels: tf.Tensor1D, classes: number, smoothing = 0): tf.Tensor2D {
  const off = smoothing / classes;
  return tf.oneHot(labels, classes, 1 - smoothing + off, off, "float32") as tf.Tensor2D;
}

/**
 * Cross-entropy of each row of logits against a distribution over the classes (rows of `targets` sum to 1; no gradient
 * flows into them): float32 [n].
 */
export function softCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor1D {
  return fused("SoftmaxCrossEntropyWithLogits", {}, logits, targets);
}

/** TensorFlow's operations that give the losses of all rows and, in the same pass, their gradients. */
function fused(operation: string, attributes: Attributes, logits: tf.Tensor2D, against: tf.Tensor): tf.Tensor1D {
  const withGradient = tf.customGrad((input, save) => {
    const all = { T: { kind: "type", value: "float32" }, ...attributes } as const;
    const [loss, gradient] = rawOp(operation, all, [input as tf.Tensor, against], 2) as [tf.Tensor, tf.Tensor];
    (save as tf.GradSaveFunc)([gradient]);
    return { value: loss, gradFunc: (dy, saved) => tf.mul(saved[0] as tf.Tensor, tf.expandDims(dy, 1)) };
  });
  return withGradient(logits) as tf.Tensor1D;
}

/** Mean of the squared differences of two tensors of one shape. */
export function meanSquaredError(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  return tf.mean(tf.square(tf.sub(a, b)));
}

/** Share of rows of logits [n, classes] whose largest entry is at the label (int32 [n]). Has no gradient. */
export function accuracy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32"));
}
