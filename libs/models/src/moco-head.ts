import { type Affine, batchNorm, initAffine, initLinear, type Linear, linear } from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";

/** One layer of a head: a linear map without bias; scale and bias of the batch norm after it, which the last has not. */
export type MocoHeadLayer = { readonly linear: Linear; readonly norm?: Affine };

/** A projector or predictor of MoCo v3: linear maps, a batch norm after each, ReLU between. */
export type MocoHead = readonly MocoHeadLayer[];

/** A head from `inputs` features through `widths`, the last of which is its output's; linear maps start by PyTorch's default. */
export function initMocoHead(key: Key, inputs: number, widths: readonly number[]): MocoHead {
  return widths.map((outputs, i) => {
    const layer = initLinear(random.fold(key, i), { inputs: widths[i - 1] ?? inputs, outputs, bias: false });
    return i === widths.length - 1 ? { linear: layer } : { linear: layer, norm: initAffine(outputs) };
  });
}

/**
 * [n, inputs] to [n, outputs] by the statistics of this batch. Heads are thrown away after training, so no running
 * statistics are kept. Without batch norm MoCo v3 does not learn at this scale.
 */
export function mocoHead(head: MocoHead, x: tf.Tensor2D): tf.Tensor2D {
  return head.reduce((y, layer) => {
    const normed = batchNorm(layer.norm ?? null, linear(layer.linear, y));
    return layer.norm === undefined ? normed : tf.relu(normed);
  }, x);
}
