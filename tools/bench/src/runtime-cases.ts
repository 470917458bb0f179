import {
  type Affine,
  type Attention,
  adamW,
  attention,
  type Conv2d,
  conv2d,
  crossEntropy,
  initAffine,
  type Linear,
  layerNorm,
  linear,
  type Mlp,
  meanSquaredError,
  mlp,
} from "@peco/nn";
import { autocast, type HostArray, random, tf, valueAndGrad } from "tfjs-libtensorflow";
import { type AnyTree, type Case, uniforms } from "./case.ts";

/** Parameters, a batch and the loss; a step is one AdamW update with weight decay on everything. */
interface LossCase {
  readonly name: string;
  readonly config: { readonly lr: number; readonly [name: string]: number };
  params(): AnyTree;
  batch(): Record<string, HostArray>;
  loss(params: AnyTree, batch: Record<string, tf.Tensor>): tf.Scalar;
}

interface MimShape {
  batch: number;
  width: number;
  depth: number;
  heads: number;
  tokens: number;
  classes: number;
  /** Numbers in a patch. */
  patch: number;
}

/** Masked image modelling: patches to tokens through pre-norm blocks; cross-entropy weighted by the mask. */
function mim(name: string, shape: MimShape): LossCase {
  const { batch, width, depth, heads, tokens, classes, patch } = shape;
  const weight = (label: string, ...size: number[]) =>
    tf.mul(random.normal(random.fold(random.key(1n), label), size), 0.02);
  const dense = (label: string, inputs: number, outputs: number) => ({
    weight: weight(label, inputs, outputs),
    bias: tf.zeros([outputs]),
  });
  return {
    name,
    // small enough that rounding does not grow into another path within the 20 steps whose losses are compared
    config: { lr: 1e-4, depth, heads },
    params: () => ({
      embed: dense("embed", patch, width),
      maskToken: weight("mask", 1, 1, width),
      positions: weight("positions", 1, tokens, width),
      blocks: Array.from({ length: depth }, (_, i) => ({
        norm1: initAffine(width),
        attention: { qkv: dense(`qkv${i}`, width, 3 * width), out: dense(`out${i}`, width, width) },
        norm2: initAffine(width),
        mlp: { in: dense(`in${i}`, width, 4 * width), out: dense(`mlp-out${i}`, 4 * width, width) },
      })),
      norm: initAffine(width),
      head: dense("head", width, classes),
    }),
    batch: () => {
      const uniform = uniforms();
      return {
        patches: {
          dtype: "float32",
          shape: [batch, tokens, patch],
          data: Float32Array.from({ length: batch * tokens * patch }, () => 4 * uniform() - 2),
        },
        mask: {
          dtype: "uint8",
          shape: [batch, tokens],
          data: Uint8Array.from({ length: batch * tokens }, () => (uniform() < 0.4 ? 1 : 0)),
        },
        tokens: {
          dtype: "int32",
          shape: [batch, tokens],
          data: Int32Array.from({ length: batch * tokens }, () => Math.floor(uniform() * classes)),
        },
      };
    },
    loss: (p: MimParams, { patches, mask, tokens: labels }) => {
      const masked = tf.reshape(tf.cast(mask as tf.Tensor, "float32"), [batch, tokens, 1]);
      const embedded = linear(p.embed, patches as tf.Tensor3D);
      const replaced = tf.add(tf.mul(embedded, tf.sub(1, masked)), tf.mul(p.maskToken, masked));
      let x = tf.reshape(tf.add(replaced, p.positions), [batch * tokens, width]) as tf.Tensor2D;
      for (const block of p.blocks) {
        x = tf.add(x, attention(block.attention, layerNorm(block.norm1, x), { tokens, heads }));
        x = tf.add(x, mlp(block.mlp, layerNorm(block.norm2, x)));
      }
      const losses = crossEntropy(
        linear(p.head, layerNorm(p.norm, x)),
        tf.reshape(labels as tf.Tensor, [batch * tokens]) as tf.Tensor1D,
      );
      const weights = tf.reshape(masked, [batch * tokens]);
      return tf.div(tf.sum(tf.mul(losses, weights)), tf.sum(weights)) as tf.Scalar;
    },
  };
}

interface MimParams {
  embed: Linear;
  maskToken: tf.Tensor;
  positions: tf.Tensor;
  blocks: { norm1: Affine; attention: Attention; norm2: Affine; mlp: Mlp }[];
  norm: Affine;
  head: Linear;
}

/** A residual convolutional network that copies its input: 3x3 convolutions at one resolution. */
function conv(
  name: string,
  [batch, side, , channels]: readonly [number, number, number, number],
  blocks: number,
): LossCase {
  const layer = (label: string, inputs: number, outputs: number) => ({
    kernel: tf.mul(random.normal(random.fold(random.key(1n), label), [3, 3, inputs, outputs]), 0.03),
    bias: tf.zeros([outputs]),
  });
  return {
    name,
    config: { lr: 1e-3, blocks },
    params: () => ({
      first: layer("first", 3, channels),
      blocks: Array.from({ length: blocks }, (_, i) => ({
        conv1: layer(`a${i}`, channels, channels),
        conv2: layer(`b${i}`, channels, channels),
      })),
      last: layer("last", channels, 3),
    }),
    batch: () => {
      const uniform = uniforms();
      return {
        images: {
          dtype: "float32",
          shape: [batch, side, side, 3],
          data: Float32Array.from({ length: batch * side * side * 3 }, () => 2 * uniform() - 1),
        },
      };
    },
    loss: (p: { first: Conv2d; blocks: { conv1: Conv2d; conv2: Conv2d }[]; last: Conv2d }, { images }) => {
      let x = conv2d(p.first, images as tf.Tensor4D);
      for (const { conv1, conv2 } of p.blocks) x = tf.add(x, conv2d(conv2, tf.relu(conv2d(conv1, tf.relu(x)))));
      return meanSquaredError(conv2d(p.last, x), images as tf.Tensor);
    },
  };
}

/** A case of parameters, a batch and a loss. */
function trained({ name, config, params, batch, loss }: LossCase): Case {
  const optimizer = adamW({ betas: [0.9, 0.999], weightDecay: 0.05, decayAll: true });
  const gradient = valueAndGrad((p: AnyTree, of: Record<string, tf.Tensor>) => ({ loss: loss(p, of), aux: {} }));
  return {
    name,
    images: null,
    config,
    frozen: {},
    state: () => {
      const first = params();
      return { params: first, slots: optimizer.init(first) };
    },
    batch,
    step: (precision) => (state, tensors) => {
      const { loss: value, grad } = autocast(precision, () => gradient(state.params, tensors));
      const at = { lr: config.lr, loss: value };
      const { params: next, slots } = optimizer.update(grad as AnyTree, state.slots, state.params, at);
      return { state: { params: next, slots }, metrics: { loss: value } };
    },
  };
}

/** The cases of `peco bench runtime`. */
export const cases: readonly Case[] = [
  mim("mim", { batch: 4, width: 384, depth: 6, heads: 6, tokens: 196, classes: 8192, patch: 768 }),
  mim("mim-small", { batch: 64, width: 64, depth: 3, heads: 4, tokens: 17, classes: 256, patch: 192 }),
  conv("conv", [8, 64, 64, 64], 4),
].map(trained);
