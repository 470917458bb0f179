import { tf } from "tfjs-libtensorflow";
import { type Linear, linear } from "./linear.ts";

/**
 * Query, key and value as one product: weight [width, 3 width], columns first by query, key, value, then by head (timm's
 * order). The biases are one vector [3 width], or two of [width] for query and value alone, as in BEiT.
 */
export type Qkv =
  | { readonly weight: tf.Tensor2D; readonly bias: tf.Tensor1D }
  | { readonly weight: tf.Tensor2D; readonly queryBias: tf.Tensor1D; readonly valueBias: tf.Tensor1D };

/** Parameters of multi-head self-attention. */
export type Attention = { readonly qkv: Qkv; readonly out: Linear };

/** How rows are grouped: `tokens` a picture, and the number of `heads`. */
type AttentionShape = { readonly tokens: number; readonly heads: number };

/**
 * Multi-head self-attention (Vaswani et al. 2017) within each picture.
 * @param rows [batch * tokens, width], picture by picture
 * @param bias added to the scaled scores, [heads, tokens, tokens]
 */
export function attention(
  { qkv, out }: Attention,
  rows: tf.Tensor2D,
  shape: AttentionShape,
  bias?: tf.Tensor3D,
): tf.Tensor2D {
  const { shares, value } = sharesAndValue(qkv, rows, shape, bias);
  const mixed = tf.transpose(tf.matMul(shares, value), [0, 2, 1, 3]);
  return linear(out, tf.reshape(mixed, [-1, rows.shape[1]]));
}

/** The shares with which each token (third axis) takes the others (last), [batch, heads, tokens, tokens]; parameters as of `attention`. */
export function attentionShares(
  { qkv }: Pick<Attention, "qkv">,
  rows: tf.Tensor2D,
  shape: AttentionShape,
  bias?: tf.Tensor3D,
): tf.Tensor4D {
  return sharesAndValue(qkv, rows, shape, bias).shares as tf.Tensor4D;
}

function sharesAndValue(qkv: Qkv, rows: tf.Tensor2D, { tokens, heads }: AttentionShape, bias: tf.Tensor3D | undefined) {
  const perHead = rows.shape[1] / heads;
  const product = linear({ weight: qkv.weight, bias: qkvBias(qkv) }, rows);
  const parts = tf.transpose(tf.reshape(product, [-1, tokens, 3 * heads, perHead]), [0, 2, 1, 3]);
  const [query, key, value] = tf.split(parts, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  // The query is scaled, not the scores: it is the smaller of the two wherever there are more tokens than perHead.
  const scores = tf.matMul(tf.mul(query, 1 / Math.sqrt(perHead)), key, false, true);
  return { shares: tf.softmax(bias === undefined ? scores : tf.add(scores, bias)), value };
}

function qkvBias(qkv: Qkv): tf.Tensor1D {
  if ("bias" in qkv) return qkv.bias;
  return tf.concat1d([qkv.queryBias, tf.zerosLike(qkv.queryBias), qkv.valueBias]);
}
