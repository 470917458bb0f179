import { exponentialMovingAverage } from "@peco/nn";
import { type Key, random, type Tree, tf } from "tfjs-libtensorflow";
import { initMocoHead, type MocoHead, mocoHead } from "./moco-head.ts";
import { contrastiveLoss, keyDeviation, unitRows } from "./moco-loss.ts";

/** Widths of the layers of the two heads, without their input; MoCo v3's for ViT-B are [4096, 4096, 256] and [4096, 256]. */
export interface MocoHeads {
  readonly projector: readonly number[];
  readonly predictor: readonly number[];
}

/** The network that is trained by gradients: encoder, projector, predictor. `E` is the encoder's tree. */
export type MocoQuery<E extends Tree> = {
  readonly encoder: E;
  readonly projector: MocoHead;
  readonly predictor: MocoHead;
};

/** The network that makes the keys: a moving average of the query network, which has no predictor. */
export type MocoKey<E extends Tree> = { readonly encoder: E; readonly projector: MocoHead };

/** Two views of the same pictures, normalised, [batch, height, width, 3] each. */
export type ViewPair = readonly [tf.Tensor4D, tf.Tensor4D];

/** Features [batch, width] of pictures: the class token of a vision transformer after its final norm. */
export type Encoder<E> = (params: E, pictures: tf.Tensor4D) => tf.Tensor2D;

/** A query network around a fresh encoder whose features are `features` wide. */
export function initMoco<E extends Tree>(encoder: E, features: number, heads: MocoHeads, key: Key): MocoQuery<E> {
  const embedding = heads.projector.at(-1) as number;
  return {
    encoder,
    projector: initMocoHead(random.fold(key, "projector"), features, heads.projector),
    predictor: initMocoHead(random.fold(key, "predictor"), embedding, heads.predictor),
  };
}

/** The key network before the first step: the query network's own parameters. */
export function initialMocoKey<E extends Tree>({ encoder, projector }: MocoQuery<E>): MocoKey<E> {
  return { encoder, projector };
}

/** The key network of this step: it follows the query network before keys are made, as MoCo v3 does. */
export function followQuery<E extends Tree>(
  key: MocoKey<E>,
  query: MocoQuery<E>,
  momentum: number | tf.Scalar,
): MocoKey<E> {
  return exponentialMovingAverage(key, initialMocoKey(query), momentum);
}

/** Unit keys [batch, width] of both views. Batch norm sees each view apart. */
export function mocoKeys<E extends Tree>(
  encode: Encoder<E>,
  key: MocoKey<E>,
  views: ViewPair,
): readonly [tf.Tensor2D, tf.Tensor2D] {
  const of = (view: tf.Tensor4D) => unitRows(mocoHead(key.projector, encode(key.encoder, view)));
  return [of(views[0]), of(views[1])];
}

/** What one step of MoCo v3 shows. */
export interface MocoLoss {
  /** Both directions' contrastive loss, summed. */
  readonly loss: tf.Scalar;
  /** Share of queries that find their own key among the batch's, mean of both directions. */
  readonly instanceAccuracy: tf.Scalar;
  /** Mean of `keyDeviation` over both views: near 1 / sqrt(width), or towards 0 in a collapse. */
  readonly keyDeviation: tf.Scalar;
}

/** MoCo v3's loss: queries of each view against the keys of the other. No gradient flows into the keys. */
export function mocoLoss<E extends Tree>(
  encode: Encoder<E>,
  query: MocoQuery<E>,
  views: ViewPair,
  keys: readonly [tf.Tensor2D, tf.Tensor2D],
  temperature: number,
): MocoLoss {
  const of = (view: tf.Tensor4D) => mocoHead(query.predictor, mocoHead(query.projector, encode(query.encoder, view)));
  const first = contrastiveLoss(of(views[0]), keys[1], temperature);
  const second = contrastiveLoss(of(views[1]), keys[0], temperature);
  return {
    loss: tf.add(first.loss, second.loss),
    instanceAccuracy: tf.div(tf.add(first.accuracy, second.accuracy), 2),
    keyDeviation: tf.div(tf.add(keyDeviation(keys[0]), keyDeviation(keys[1])), 2),
  };
}
