import type { Dataset, InOrder, Selection } from "@peco/data";
import type { StageContext } from "@peco/stage";
import { ReadAhead, type StageCheckpoints } from "@peco/training";

/** A batch whose first `count` rows are pictures, beginning at picture `first` of the selection; the rest only fills it up. */
export interface Chunk {
  readonly batch: InOrder;
  /** The same pictures at the tokenizer's size. */
  readonly tokenizerImages: InOrder["images"];
  readonly first: number;
  readonly count: number;
}

/** What an evaluation goes over pictures with. */
export interface Pass {
  readonly context: StageContext;
  readonly data: Dataset;
  readonly checkpoints: StageCheckpoints;
}

/** A selection, cut down to one batch in a preflight. */
export function limited({ spec, recipe }: StageContext, selection: Selection): Selection {
  if (!spec.preflight) return selection;
  return { ...selection, first: Math.min(selection.first ?? Number.POSITIVE_INFINITY, recipe.evaluate.batch) };
}

/** Sides of the pictures that a pass sees, in pixels. */
export interface Sizes {
  /** @default the recipe's image size */
  readonly size?: number;
  /** @default `size` */
  readonly tokenizerSize?: number;
}

/**
 * Goes over every selected picture once, in the pack's order, batch by batch, and tells the watchers. The last batch's rows that only fill
 * it up are not counted: nobody may use rows from `count` on. Stops between batches when the stage has to.
 */
export async function overPictures(
  { context, data }: Pass,
  part: string,
  selection: Selection,
  use: (chunk: Chunk) => Promise<void>,
  { size = context.recipe.image.size, tokenizerSize = size }: Sizes = {},
): Promise<void> {
  const { batch: rows } = context.recipe.evaluate;
  const pictures = limited(context, selection);
  const batchesOf = (side: number) => data.batches({ kind: "in-order", pictures, batch: rows, size: side });
  const source = batchesOf(size);
  const ahead = new ReadAhead<InOrder>(source, source.steps);
  const forTokenizer = tokenizerSize === size ? null : new ReadAhead<InOrder>(batchesOf(tokenizerSize), source.steps);
  const started = performance.now();
  for (let step = 0; step < source.steps; step++) {
    context.signal.throwIfAborted();
    const batch = await ahead.take(step);
    const tokenizerImages = ((await forTokenizer?.take(step)) ?? batch).images;
    const first = step * rows;
    const count = batch.valid.data[0] as number;
    await use({ batch, tokenizerImages, first, count });
    const seconds = (performance.now() - started) / 1000;
    context.emit({
      kind: "step",
      part,
      step: step + 1,
      of: source.steps,
      metrics: {},
      imagesPerSecond: (first + count) / seconds,
      etaSeconds: (seconds / (step + 1)) * (source.steps - step - 1),
      waitShare: ahead.waitedMs / 1000 / seconds,
    });
  }
}
