/** How a batch is computed in equal parts. */
export interface Division {
  /** Pictures of the whole batch. */
  readonly batch: number;
  /** Pictures computed at a time; divides the batch. */
  readonly microBatch: number;
  /** Pictures that share one draw of mixup or cutmix and are paired from both ends of their group; null: nothing is mixed. */
  readonly mixGroup: number | null;
}

/** Number of parts. */
export function partCount({ batch, microBatch }: Division): number {
  return batch / microBatch;
}

/**
 * The places in the batch, from 0, of the pictures of one part, in order. Where a part is smaller than a group it takes from both
 * ends of the group, so that turning the part around pairs each picture with the one that it has as its counterpart in the group.
 */
export function partPlaces({ microBatch, mixGroup }: Division, part: number): Int32Array {
  const first = part * microBatch;
  if (mixGroup === null || microBatch >= mixGroup) return Int32Array.from({ length: microBatch }, (_, i) => first + i);
  const half = microBatch / 2;
  const start = Math.floor(first / mixGroup) * mixGroup;
  const from = (first - start) / 2;
  return Int32Array.from({ length: microBatch }, (_, i) =>
    i < half ? start + from + i : start + mixGroup - from - microBatch + i,
  );
}
