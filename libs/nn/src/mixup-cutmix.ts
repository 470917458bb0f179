import { type Key, random, tf } from "tfjs-libtensorflow";
import type { PartOfBatch } from "./part-of-batch.ts";

/** How pictures and targets of a batch are mixed in pairs. */
export interface MixOptions {
  /** Alpha of mixup (Zhang et al. 2018); 0: off. BEiT fine-tunes with .8. */
  readonly mixup: number;
  /** Alpha of cutmix (Yun et al. 2019); 0: off. BEiT fine-tunes with 1. Where both are on, each is chosen half of the time. */
  readonly cutmix: number;
  /** Pictures that share one draw; they divide the batch. @default the whole batch, as timm's batch mode on one device */
  readonly group?: number | undefined;
}

/** Pictures [batch, height, width, channels] and target distributions [batch, classes]. */
export interface Labelled {
  readonly pictures: tf.Tensor4D;
  readonly targets: tf.Tensor2D;
}

/**
 * Mixes each picture of a group with its counterpart from the group's other end, by mixup or cutmix, and the targets
 * alike, as timm's `Mixup` in batch mode (of BEiT's time: an odd side of cutmix's box loses a pixel). The share of the
 * picture itself is drawn from Beta(alpha, alpha).
 * @param part which of a larger batch the pictures are: whole groups, or pictures of one group and their counterparts, first
 * from its beginning and then, mirrored, from its end
 * @throws RangeError if a group or a part has an odd number of pictures, or one does not divide the other
 */
export function mixBatch(
  key: Key,
  batch: Labelled,
  { mixup, cutmix, group }: MixOptions,
  part?: PartOfBatch,
): Labelled {
  if (mixup === 0 && cutmix === 0) return batch;
  const [pictures, height, width] = batch.pictures.shape;
  const whole = part?.of ?? pictures;
  const size = group ?? whole;
  const chunk = Math.min(size, pictures);
  if (chunk % 2 !== 0 || whole % size !== 0 || pictures % chunk !== 0 || size % chunk !== 0) {
    throw new RangeError(
      `${pictures} of ${whole} pictures can't be mixed in groups of ${size}: groups and parts are even and divide each other`,
    );
  }
  const draws = drawMixing(key, whole / size, { mixup, cutmix }, [height, width]);
  return mixGroups(batch, part === undefined ? draws : drawsOf(part, draws, size, chunk));
}

/** What {@link mixBatch} draws for each of some groups of pictures [height, width]. */
export function drawMixing(
  key: Key,
  groups: number,
  { mixup, cutmix }: Pick<MixOptions, "mixup" | "cutmix">,
  [height, width]: readonly [number, number],
): MixDraws {
  const share = (name: string, alpha: number) => random.beta(random.fold(key, name), [groups], alpha, alpha);
  const cuts = tf.less(random.uniform(random.fold(key, "choice"), [groups]), cutProbability(mixup, cutmix));
  const mixed = mixup > 0 ? share("mixup", mixup) : tf.ones([groups]);
  return {
    cuts,
    share: cutmix > 0 ? tf.where(cuts, share("cutmix", cutmix), mixed) : mixed,
    row: random.integers(random.fold(key, "row"), [groups], 0, height),
    column: random.integers(random.fold(key, "column"), [groups], 0, width),
  };
}

/** The draws of the groups that a part's chunks of pictures belong to. */
function drawsOf({ places }: PartOfBatch, draws: MixDraws, size: number, chunk: number): MixDraws {
  const firsts = Int32Array.from({ length: places.shape[0] / chunk }, (_, i) => i * chunk);
  const groups = tf.floorDiv(tf.gather(places, tf.tensor1d(firsts, "int32")), tf.scalar(size, "int32"));
  const of = (values: tf.Tensor) => tf.gather(values, tf.cast(groups, "int32"));
  // Gathering has no kernel for booleans.
  const cuts = tf.cast(of(tf.cast(draws.cuts, "int32")), "bool");
  return { cuts, share: of(draws.share), row: of(draws.row), column: of(draws.column) };
}

function cutProbability(mixup: number, cutmix: number): number {
  if (cutmix === 0) return 0;
  return mixup === 0 ? 1 : 0.5;
}

/** One draw for each group: all [groups]. */
export interface MixDraws {
  /** Whether the group is cut and not mixed. */
  readonly cuts: tf.Tensor;
  /** Share of the picture itself; what a cut really leaves of it is recomputed from the box. */
  readonly share: tf.Tensor;
  /** Centre of the box, int32 pixels. */
  readonly row: tf.Tensor;
  readonly column: tf.Tensor;
}

/** Carries out given draws; the pictures are divided into as many groups as there are draws. */
export function mixGroups({ pictures, targets }: Labelled, { cuts, share, row, column }: MixDraws): Labelled {
  const [batch, height, width, channels] = pictures.shape;
  const groups = share.shape[0] as number;
  const ratio = tf.sqrt(tf.sub(1, share));
  const rows = inside(ratio, row, height);
  const columns = inside(ratio, column, width);
  const outsideBox = tf.sub(1, tf.mul(tf.expandDims(rows, 2), tf.expandDims(columns, 1)));
  const cut = tf.reshape(cuts, [groups, 1, 1]);
  const weights = tf.where(cut, outsideBox, tf.mul(tf.reshape(share, [groups, 1, 1]), tf.onesLike(outsideBox)));
  const real = tf.where(cuts, tf.mean(outsideBox, [1, 2]), share);
  return {
    pictures: tf.reshape(
      blend(
        tf.reshape(pictures, [groups, -1, height, width, channels]),
        tf.reshape(weights, [groups, 1, height, width, 1]),
      ),
      [batch, height, width, channels],
    ),
    targets: tf.reshape(blend(tf.reshape(targets, [groups, batch / groups, -1]), tf.reshape(real, [groups, 1, 1])), [
      batch,
      -1,
    ]),
  };
}

/** Each entry along axis 1 and its counterpart from the other end, by weight and 1 - weight. */
function blend(entries: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(entries, weights), tf.mul(tf.reverse(entries, 1), tf.sub(1, weights)));
}

/** 1 where a line of `size` pixels is inside the box [groups, size]: side int(size ratio), half of it, rounded down, each way. */
function inside(ratio: tf.Tensor, centre: tf.Tensor, size: number): tf.Tensor {
  const half = tf.floor(tf.mul(tf.floor(tf.mul(ratio, size)), 0.5));
  const middle = tf.cast(centre, "float32");
  const pixels = tf.reshape(tf.range(0, size), [1, size]);
  const from = tf.expandDims(tf.sub(middle, half), 1);
  const to = tf.expandDims(tf.add(middle, half), 1);
  return tf.cast(tf.logicalAnd(tf.greaterEqual(pixels, from), tf.less(pixels, to)), "float32");
}
