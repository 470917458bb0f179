import * as tf from "@tensorflow/tfjs-core";
import type { Attribute, Attributes } from "../program/attribute.ts";
import { rawOp } from "./backend.ts";

/** Gradients that tfjs-core 4.22 lacks for kernels that this backend has. */

const float: Attribute = { kind: "type", value: "float32" };
const int: Attribute = { kind: "type", value: "int32" };

tf.registerGradient({
  kernelName: tf.StridedSlice,
  inputsToSave: ["x"],
  gradFunc: (dy, saved, attrs) => {
    const [{ shape }] = saved as [tf.Tensor];
    const { begin, end, strides, ...masks } = attrs as unknown as tf.StridedSliceAttrs;
    const mask = (value: number): Attribute => ({ kind: "int", value });
    const attributes: Attributes = {
      T: float,
      Index: int,
      begin_mask: mask(masks.beginMask),
      end_mask: mask(masks.endMask),
      ellipsis_mask: mask(masks.ellipsisMask),
      new_axis_mask: mask(masks.newAxisMask),
      shrink_axis_mask: mask(masks.shrinkAxisMask),
    };
    const numbers = [shape, begin, end, strides].map((list) => tf.tensor1d(list, "int32"));
    return { x: () => rawOp("StridedSliceGrad", attributes, [...numbers, dy as tf.Tensor])[0] as tf.Tensor };
  },
});

tf.registerGradient({
  kernelName: tf.GatherNd,
  inputsToSave: ["params", "indices"],
  gradFunc: (dy, saved) => {
    const [params, indices] = saved as [tf.Tensor, tf.Tensor];
    return { params: () => tf.scatterND(indices, dy as tf.Tensor, params.shape as never) };
  },
});

tf.registerGradient({
  kernelName: tf.DepthToSpace,
  gradFunc: (dy, _, attrs) => {
    const { blockSize, dataFormat } = attrs as unknown as tf.DepthToSpaceAttrs;
    const attributes: Attributes = {
      T: float,
      block_size: { kind: "int", value: blockSize },
      data_format: { kind: "string", value: dataFormat },
    };
    return { x: () => rawOp("SpaceToDepth", attributes, [dy as tf.Tensor])[0] as tf.Tensor };
  },
});

tf.registerGradient({
  kernelName: tf.Einsum,
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const { equation } = attrs as unknown as tf.EinsumAttrs;
    const [left = "", result = ""] = equation.replaceAll(" ", "").split("->");
    const terms = left.split(",");
    const gradients = terms.map((_, i) => [i, () => einsumGradient(dy as tf.Tensor, terms, result, saved, i)] as const);
    return Object.fromEntries(gradients);
  },
});

/**
 * The gradient with respect to operand `i`: result and operand change places, and a label that occurs in this operand alone was summed
 * over, so that its gradient is the same all along it. Throws `Error` for a label that an operand holds twice.
 */
function einsumGradient(dy: tf.Tensor, terms: string[], result: string, operands: tf.Tensor[], i: number): tf.Tensor {
  const term = terms[i] as string;
  if (new Set(term).size < term.length)
    throw new Error(`einsum "${terms}->${result}": no gradient for a diagonal (${term})`);
  const others = terms.map((text, k) => ({ text, tensor: operands[k] as tf.Tensor })).filter((_, k) => k !== i);
  const known = new Set(result + others.map(({ text }) => text).join(""));
  const kept = [...term].filter((label) => known.has(label)).join("");
  const equation = `${[result, ...others.map(({ text }) => text)].join(",")}->${kept}`;
  const gradient = tf.einsum(equation, dy, ...others.map(({ tensor }) => tensor));
  const { shape } = operands[i] as tf.Tensor;
  const spread = shape.map((size, axis) => (known.has(term[axis] as string) ? size : 1));
  return tf.broadcastTo(tf.reshape(gradient, spread), shape as never);
}
