import type { DType } from "../dtype.ts";
import type { Attributes } from "./attribute.ts";

/** Dtype and shape of a value; values are named by their index in `Program.values`. */
export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * One operation, in TensorFlow's vocabulary (https://www.tensorflow.org/api_docs/python/tf/raw_ops).
 * `inputs` and `outputs` are indices into `Program.values`.
 */
export interface Operation {
  readonly name: string;
  readonly attributes: Attributes;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The call that made it, such as `tf.matMul` or `gradient of tf.matMul`. */
  readonly from: string;
  /** Set by `autocast`: float32 inputs are cast to this dtype, and outputs back. */
  readonly cast?: "bfloat16";
}

/** Where a value comes from that the program takes. */
export interface Input {
  readonly kind: "state" | "batch" | "key" | "captured";
  /** Path in the tree of its kind, such as `blocks.0.weight`. */
  readonly path: string;
  readonly value: number;
}

/** A value that the program gives: a metric, or the next value of a leaf of the state. */
export interface Result {
  readonly kind: "state" | "metric";
  readonly path: string;
  readonly value: number;
}

/**
 * A traced function as plain data: operations in an order in which they can run. It says what is computed and nothing about how; see
 * `lower.ts` for what makes a TensorFlow function of it.
 */
export interface Program {
  readonly name: string;
  readonly values: readonly Value[];
  readonly inputs: readonly Input[];
  readonly operations: readonly Operation[];
  readonly results: readonly Result[];
}

/** `float32[2,3]`. */
export function valueText({ dtype, shape }: Value): string {
  return `${dtype}[${shape.join(",")}]`;
}
