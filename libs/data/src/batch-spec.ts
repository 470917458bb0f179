import { z } from "zod";
import { evaluationTransform } from "./evaluation-view.ts";
import type { HostInt32, HostUint8 } from "./host-array.ts";
import { splitName } from "./pack-index.ts";
import { viewOptions } from "./views.ts";

const side = z.int().min(1).max(4096);

const selection = z.strictObject({
  split: splitName,
  /** Only pictures whose label fine-tuning may use. @default false */
  labelled: z.boolean().optional(),
  /** Only the first so many of them, in the pack's order (which is random in the classes). @default all */
  first: z.int().positive().optional(),
  /** Only so many of them, alike in number for each class; a smaller number's pictures are among a larger one's. @default all */
  balanced: z.int().positive().optional(),
});

/** Which pictures of a pack batches are made of. */
export type Selection = z.infer<typeof selection>;

const common = {
  pictures: selection,
  batch: z.int().min(1).max(65_536),
  /** Height and width of the pictures given out, in pixels. */
  size: side,
};

const drawn = {
  ...common,
  /** Seed of order and augmentation: a run's seed. */
  seed: z.union([z.int(), z.bigint()]),
  /** Name of the stage; two stages of one run see different orders. */
  stage: z.string().min(1),
  views: viewOptions,
  /** Gives batches in parts, which are then counted over all batches. @default whole batches */
  division: z.strictObject({ microBatch: z.int().positive(), mixGroup: z.int().positive().nullable() }).optional(),
};

const mask = z.strictObject({
  rows: z.int().positive(),
  columns: z.int().positive(),
  count: z.int().positive(),
  minBlock: z.number().positive(),
  form: z.enum(["at-most", "exactly", "random"]),
});

/**
 * Everything that batches follow from, beside the pack; the same for the library and over gRPC.
 *
 * `two-views`: two independent views of each picture (MoCo). `one-view`: one view. `masked`: BEiT's two views of one window and a
 * block-wise mask. `labelled`: one view and the label. `in-order`: no augmentation, each picture once, for evaluation: its
 * shorter side resized and the middle `size` x `size` pixels of that.
 */
export const batchSpec = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("two-views"), ...drawn }),
  z.strictObject({ kind: z.literal("one-view"), ...drawn }),
  z.strictObject({
    kind: z.literal("masked"),
    ...drawn,
    /** Height and width of the tokenizer's view; null: there is none. */
    tokenizerSize: side.nullable(),
    mask,
  }),
  z.strictObject({
    kind: z.literal("labelled"),
    ...drawn,
    /** Probability that a part of a picture is erased, for which batches then have boxes. @default 0 */
    erase: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({
    kind: z.literal("in-order"),
    ...common,
    /** @default of a pack of pixels: the whole picture; of picture files: {@link defaultTransform} of the size */
    view: evaluationTransform.optional(),
  }),
]);

/** See {@link batchSpec}. */
export type BatchSpec = z.infer<typeof batchSpec>;

/** `uint8 [batch, size, size, 3]` each. */
export type TwoViews = { view1: HostUint8; view2: HostUint8 };
/** `uint8 [batch, size, size, 3]`. */
export type OneView = { images: HostUint8 };
/** `view1 uint8 [batch, size, size, 3]`, `view2 uint8 [batch, tokenizerSize, tokenizerSize, 3]` where there is a tokenizer, `mask uint8 [batch, rows * columns]`, 1 where hidden. */
export type Masked = { view1: HostUint8; view2?: HostUint8; mask: HostUint8 };
/**
 * `images uint8 [batch, size, size, 3]`, `labels int32 [batch]`; where parts are erased, `erase int32 [batch, 4]`: top, left, height and
 * width of the box, whose pixels a program replaces by noise once they are normalised (0 high and wide: nothing is).
 */
export type Labelled = { images: HostUint8; labels: HostInt32; erase?: HostInt32 };
/** `images` and `labels` as {@link Labelled} (label -1 where there is none); only the first `valid` (`int32 []`) rows are pictures, the rest is 0 and -1. */
export type InOrder = { images: HostUint8; labels: HostInt32; valid: HostInt32 };

/** The batch that each kind of specification gives. */
export type BatchKinds = {
  "two-views": TwoViews;
  "one-view": OneView;
  masked: Masked;
  labelled: Labelled;
  "in-order": InOrder;
};

/** The batch that a specification gives. */
export type BatchOf<S extends BatchSpec> = BatchKinds[S["kind"]];

/** A batch of any kind. */
export type AnyBatch = BatchKinds[BatchSpec["kind"]];

/** Gives any batch by its number, with equal bytes for equal number, specification and pack, wherever it is made. */
export interface BatchSource<B> {
  /**
   * @throws BatchOptionsError for a step below 0, or past the end of batches in order
   * @throws CorruptPack when the pack's bytes are not there
   */
  at(step: number): Promise<B>;
}

/** A source of batches of which there are only so many. */
export interface FiniteBatchSource<B> extends BatchSource<B> {
  /** Batches that hold every selected picture once. */
  readonly steps: number;
  /** Pictures selected. */
  readonly count: number;
}
