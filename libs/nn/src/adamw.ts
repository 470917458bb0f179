import { type Tree, tf } from "tfjs-libtensorflow";
import { choose } from "./finite-gate.ts";
import { Stack } from "./stack.ts";
import type { Named } from "./tree.ts";
import { decaysByDefault } from "./weight-decay.ts";

/** A number known to the host, or a scalar that enters the program with the batch. */
export type Rate = number | tf.Scalar;

/** Options of `adamW`; the names are those of a recipe's `optimizer`. */
export interface AdamWOptions {
  /** Decay rates of the first and second moment. */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment. @default 1e-8 */
  readonly epsilon?: number;
  /** Share of a parameter that is taken away at each step, times its learning rate. */
  readonly weightDecay: number;
  /** Whether parameters that usually don't decay (biases, norms, tokens) do. @default false */
  readonly decayAll?: boolean;
  /** Largest norm of the whole gradient; a longer one is scaled down to it. Null: no limit. @default null */
  readonly clip?: number | null;
  /** Factor of the learning rate, and so of the decay, of each parameter. @default 1 for all */
  readonly lrScale?: (leaf: Named) => number;
}

/** Moments as packed by `Stack`, and the number of updates that were carried out. */
export type AdamWSlots = { readonly count: tf.Scalar; readonly first: tf.Tensor[]; readonly second: tf.Tensor[] };

/** What an update gives. */
export interface Updated<T, S> {
  readonly params: T;
  readonly slots: S;
  /** Norm of the whole gradient before clipping. */
  readonly gradNorm: tf.Scalar;
  /** 1, or 0 if the gradient or the loss was not finite: then parameters and slots are unchanged, bit for bit. */
  readonly finite: tf.Scalar;
}

/** An optimizer as a pair of pure functions over trees of tensors. */
export interface Optimizer<S extends Tree> {
  init(params: Tree): S;
  update<T extends Tree>(grad: T, slots: S, params: T, at: { lr: Rate; loss?: tf.Scalar }): Updated<T, S>;
}

/**
 * AdamW (Loshchilov and Hutter 2019) with PyTorch's arithmetic: decay is lr · scale · weightDecay · parameter. All small
 * parameters are updated as one vector. A gradient or loss that is not finite changes nothing.
 */
export function adamW(options: AdamWOptions): Optimizer<AdamWSlots> {
  const { decayAll = false, lrScale = () => 1, weightDecay } = options;
  return {
    init(params) {
      const zeros = () => tf.tidy(() => new Stack(params).pack(params).map((tensor) => tf.zerosLike(tensor)));
      return { count: tf.scalar(0), first: zeros(), second: zeros() };
    },
    update(grad, slots, params, { lr, loss }) {
      const stack = new Stack(params);
      const scales = stack.factors(lrScale);
      const decays = stack.factors((leaf) => (decayAll || decaysByDefault(leaf) ? weightDecay : 0));
      const { gradients, gradNorm, finite } = gatedAndClipped(stack.pack(grad), options.clip ?? null, loss);
      const rates = stepRates(options, slots.count, lr, finite);
      const next = stack.pack(params).map((value, i) =>
        updateOne(value, gradients[i] as tf.Tensor, slots.first[i] as tf.Tensor, slots.second[i] as tf.Tensor, {
          ...rates,
          scale: scales[i] as number | tf.Tensor1D,
          decay: decays[i] as number | tf.Tensor1D,
        }),
      );
      return {
        params: stack.unpack(next.map(({ value }) => value)),
        slots: {
          count: tf.add(slots.count, finite),
          first: next.map(({ first }) => first),
          second: next.map(({ second }) => second),
        },
        gradNorm,
        finite,
      };
    },
  };
}

/** Gradients clipped by their global norm, or zeros if something is not finite. */
function gatedAndClipped(gradients: tf.Tensor[], clip: number | null, loss: tf.Scalar | undefined) {
  const gradNorm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum<tf.Scalar>(tf.square(gradient)))));
  const allFinite = tf.isFinite(loss === undefined ? gradNorm : tf.add<tf.Scalar>(gradNorm, loss));
  const share = clip === null ? null : tf.minimum(1, tf.div(clip, tf.add(gradNorm, 1e-6)));
  const gated = gradients.map((gradient) => {
    const clipped = share === null ? gradient : tf.mul(gradient, share);
    return choose(allFinite, clipped, tf.zerosLike(clipped));
  });
  return { gradients: gated, gradNorm, finite: tf.cast(allFinite, "float32") };
}

interface StepRates {
  /** Shares of the gradient in the new moments; 0 in a step that is not finite. */
  readonly firstShare: tf.Scalar;
  readonly secondShare: tf.Scalar;
  /** Learning rate, 0 in a step that is not finite, and the same over 1 - beta1^t and times the root of 1 - beta2^t. */
  readonly rate: tf.Scalar;
  readonly correctedRate: tf.Scalar;
  readonly epsilon: tf.Scalar;
}

function stepRates({ betas, epsilon = 1e-8 }: AdamWOptions, count: tf.Scalar, lr: Rate, finite: tf.Scalar): StepRates {
  const step = tf.add(count, 1);
  // 1 - beta^t, without the cancellation that 1 - pow has in float32 where beta is near 1.
  const [first, second] = betas.map((beta) => tf.neg(tf.expm1(tf.mul(step, Math.log(beta))))) as [tf.Scalar, tf.Scalar];
  const root = tf.sqrt(second);
  const rate = tf.mul<tf.Scalar>(finite, lr);
  return {
    firstShare: tf.mul(finite, 1 - betas[0]),
    secondShare: tf.mul(finite, 1 - betas[1]),
    rate,
    correctedRate: tf.mul(rate, tf.div(root, first)),
    epsilon: tf.mul(root, epsilon),
  };
}

function updateOne(
  value: tf.Tensor,
  gradient: tf.Tensor,
  oldFirst: tf.Tensor,
  oldSecond: tf.Tensor,
  at: StepRates & { scale: number | tf.Tensor1D; decay: number | tf.Tensor1D },
) {
  const first = tf.add(oldFirst, tf.mul(tf.sub(gradient, oldFirst), at.firstShare));
  const second = tf.add(oldSecond, tf.mul(tf.sub(tf.square(gradient), oldSecond), at.secondShare));
  const direction = tf.div(first, tf.add(tf.sqrt(second), at.epsilon));
  const kept = tf.sub(1, tf.mul(tf.mul(at.scale, at.decay), at.rate));
  return {
    value: tf.sub(tf.mul(value, kept), tf.mul(direction, tf.mul(at.scale, at.correctedRate))),
    first,
    second,
  };
}
