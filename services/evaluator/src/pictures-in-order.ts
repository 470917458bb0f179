import type { Dataset, InOrder, Selection } from "@peco/data";
import type { StageContext } from "@peco/stage";
import { ReadAhead } from "@peco/training";

/** A batch of pictures that are all real: `count` rows of `images`, beginning at picture `first` of the selection. */
export interface Chunk {
  readonly batch: InOrder;
  readonly first: number;
  readonly count: number;
}

/** What an evaluation goes over pictures with. */
export interface Pass {
  readonly context: StageContext;
  readonly data: Dataset;
}

/** A selection, cut down to one batch in a preflight. */
export function limited({ spec, recipe }: StageContext, selection: Selection): Selection {
  if (!spec.preflight) return selection;
  return { ...selection, first: Math.min(selection.first ?? Number.POSITIVE_INFINITY, recipe.evaluate.batch) };
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
): Promise<void> {
  const { batch: size } = context.recipe.evaluate;
  const pictures = limited(context, selection);
  const source = data.batches({ kind: "in-order", pictures, batch: size, size: context.recipe.image.size });
  const ahead = new ReadAhead<InOrder>(source, source.steps);
  const started = performance.now();
  for (let step = 0; step < source.steps; step++) {
    context.signal.throwIfAborted();
    const batch = await ahead.take(step);
    const first = step * size;
    const count = batch.valid.data[0] as number;
    await use({ batch, first, count });
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
