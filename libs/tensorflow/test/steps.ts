import { type Key, random, type Step, tf, valueAndGrad, zipTrees } from "../src/index.ts";

/** A small transformer block with cross-entropy and Adam: products, softmax, normalisation, gather, random numbers. */
export interface BlockParams {
  table: tf.Tensor2D;
  attention: { qkv: tf.Tensor2D; out: tf.Tensor2D };
  mlp: { in: tf.Tensor2D; bias: tf.Tensor1D; out: tf.Tensor2D };
  scale: tf.Tensor1D;
}
const WIDTH = 16;
const HEADS = 2;
const TOKENS = 5;
const WORDS = 11;

/** State of `block`. */
export interface BlockState {
  params: BlockParams;
  first: BlockParams;
  second: BlockParams;
  count: tf.Scalar;
}

/** Batch of `block`. */
export interface BlockBatch {
  words: tf.Tensor2D;
  labels: tf.Tensor2D;
  rate: tf.Scalar;
}

/** The state of `block` before the first step. */
export function blockState(): BlockState {
  const weight = (name: string, ...shape: number[]) => random.normal(random.fold(random.key(1), name), shape, 0, 0.3);
  const params = {
    table: weight("table", WORDS, WIDTH),
    attention: { qkv: weight("qkv", WIDTH, 3 * WIDTH), out: weight("out", WIDTH, WIDTH) },
    mlp: { in: weight("in", WIDTH, 4 * WIDTH), bias: tf.zeros([4 * WIDTH]), out: weight("mlp", 4 * WIDTH, WIDTH) },
    scale: tf.ones([WIDTH]),
  } as BlockParams;
  const zeros = () => zipTrees((p: tf.Tensor) => tf.zerosLike(p), params) as unknown as BlockParams;
  return { params, first: zeros(), second: zeros(), count: tf.scalar(0) };
}

/** A batch of `block`, for a step. */
export function blockBatch(step: number, batch = 3) {
  const numbers = (salt: number) =>
    Int32Array.from({ length: batch * TOKENS }, (_, i) => (i * 7 + step * 3 + salt) % WORDS);
  return {
    words: { dtype: "int32", shape: [batch, TOKENS], data: numbers(0) } as const,
    labels: { dtype: "int32", shape: [batch, TOKENS], data: numbers(5) } as const,
    rate: 0.01 / (step + 1),
  };
}

function normed(x: tf.Tensor, scale: tf.Tensor1D): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-6))), scale);
}

function blockLoss(p: BlockParams, { words, labels }: BlockBatch, key: Key): tf.Scalar {
  const batch = words.shape[0];
  const rows = (x: tf.Tensor) => tf.reshape(x, [batch * TOKENS, -1]) as tf.Tensor2D;
  let x = rows(tf.gather(p.table, tf.reshape(words, [-1])));
  const qkv = tf.reshape(tf.matMul(rows(normed(x, p.scale)), p.attention.qkv), [
    batch,
    TOKENS,
    3 * HEADS,
    WIDTH / HEADS,
  ]);
  const [q, k, v] = tf.split(tf.transpose(qkv, [0, 2, 1, 3]), 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const shares = tf.softmax(tf.div(tf.matMul(q, k, false, true), Math.sqrt(WIDTH / HEADS)));
  x = tf.add(x, tf.matMul(rows(tf.transpose(tf.matMul(shares, v), [0, 2, 1, 3])), p.attention.out));
  const kept = tf.cast(random.bernoulli(random.fold(key, "dropout"), x.shape, 0.9), "float32");
  const hidden = tf.add(tf.matMul(rows(tf.mul(x, kept)), p.mlp.in), p.mlp.bias);
  x = tf.add(x, tf.matMul(rows(tf.mul(hidden, tf.sigmoid(hidden))), p.mlp.out));
  const logits = tf.matMul(rows(x), p.table, false, true);
  const hot = tf.oneHot(tf.reshape(labels, [-1]) as tf.Tensor1D, WORDS);
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), hot), 1)));
}

/** One step of Adam on a transformer block. */
export const block: Step<BlockState, BlockBatch, { loss: tf.Scalar; norms: tf.Tensor1D }> = (state, batch, key) => {
  const { loss, grad } = valueAndGrad((p: BlockParams) => ({ loss: blockLoss(p, batch, key), aux: {} }))(state.params);
  const count = tf.add(state.count, 1) as tf.Scalar;
  const first = zipTrees(
    (m: tf.Tensor, g: tf.Tensor) => tf.add(tf.mul(m, 0.9), tf.mul(g, 0.1)),
    state.first,
    grad as never,
  );
  const second = zipTrees(
    (v: tf.Tensor, g: tf.Tensor) => tf.add(tf.mul(v, 0.999), tf.mul(tf.square(g), 0.001)),
    state.second,
    grad as never,
  );
  const [c1, c2] = [tf.sub(1, tf.pow(0.9, count)), tf.sub(1, tf.pow(0.999, count))];
  const params = zipTrees(
    (p: tf.Tensor, m: tf.Tensor, v: tf.Tensor) =>
      tf.sub(p, tf.mul(batch.rate, tf.div(tf.div(m, c1), tf.add(tf.sqrt(tf.div(v, c2)), 1e-3)))),
    state.params,
    first as never,
    second as never,
  );
  const norms = tf.stack([tf.sum(tf.abs(grad.table)), tf.sum(tf.abs(grad.mlp.in))]) as tf.Tensor1D;
  return { state: { params, first, second, count } as unknown as BlockState, metrics: { loss, norms } };
};

/** Parameters of `convolutions`. */
export interface ConvParams {
  down: tf.Tensor4D;
  same: tf.Tensor4D;
  up: tf.Tensor4D;
  bias: tf.Tensor1D;
}

/** Convolution, pooling, depthwise and transposed convolution with their gradients, on pictures given as bytes; plain descent. */
export const convolutions: Step<ConvParams, { images: tf.Tensor4D }, { loss: tf.Scalar }> = (params, { images }) => {
  const target = tf.div(images, 255) as tf.Tensor4D;
  const { loss, grad } = valueAndGrad((p: ConvParams) => {
    const h = tf.relu(tf.add(tf.conv2d(target, p.down, 2, "same"), p.bias)) as tf.Tensor4D;
    const g = tf.add(h, tf.avgPool(tf.conv2d(h, p.same, 1, "same"), 3, 1, "same")) as tf.Tensor4D;
    const back = tf.conv2dTranspose(g, p.up, target.shape, 2, "same");
    return { loss: tf.mean(tf.square(tf.sub(back, target))) as tf.Scalar, aux: {} };
  })(params);
  const state = zipTrees((p: tf.Tensor, g: tf.Tensor) => tf.sub(p, tf.mul(g, 0.05)), params, grad as never);
  return { state: state as unknown as ConvParams, metrics: { loss } };
};

/** The state of `convolutions` before the first step. */
export function convState(): ConvParams {
  const weight = (name: string, shape: number[]) => random.normal(random.fold(random.key(2), name), shape, 0, 0.2);
  return {
    down: weight("down", [3, 3, 3, 6]),
    same: weight("same", [3, 3, 6, 6]),
    up: weight("up", [4, 4, 3, 6]),
    bias: tf.zeros([6]),
  } as ConvParams;
}

/** A batch of `convolutions`. */
export function convBatch() {
  return {
    images: {
      dtype: "uint8",
      shape: [2, 8, 8, 3],
      data: Uint8Array.from({ length: 384 }, (_, i) => (i * 37) % 256),
    } as const,
  };
}
