import type { tf } from "tfjs-libtensorflow";

/** The scheduled values of a step as scalars, such as `lr`. */
export type Hyper = { readonly [name: string]: tf.Scalar };

/** What a step sees of a batch. */
export type StepBatch = {
  /** The source's arrays as tensors. */
  readonly data: { readonly [name: string]: tf.Tensor };
  readonly hyper: Hyper;
  /** Where it is a part of a batch: the place of each of its pictures in the whole, int32 [pictures]. */
  readonly places?: tf.Tensor1D;
};

/** What a step must measure; other scalars may stand beside. */
export type StepMetrics = { readonly loss: tf.Scalar; readonly finite: tf.Scalar; readonly [name: string]: tf.Scalar };
