import { balancedAccuracy, bestClasses, confusionMatrix, topKHits } from "./classification.ts";

/** What a classifier got right on some pictures of a split, as whole numbers, so that parts add up exactly. */
export interface ClassCounts {
  readonly classes: number;
  /** The pictures by their numbers in the split: disjoint ranges `[first, end)`, ascending, none next to another. */
  readonly ranges: readonly (readonly [first: number, end: number])[];
  readonly top1: number;
  readonly top5: number;
  /** Pictures of a class (row) taken for a class (column), `[classes * classes]`. */
  readonly confusion: Float64Array;
}

/**
 * Counts what is right of `labels.length` pictures that begin at number `first` of a split. `scores` is `[pictures, classes]`.
 *
 * @throws RangeError when scores and labels do not fit, or a label is no class
 */
export function countClasses(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  first: number,
): ClassCounts {
  return {
    classes,
    ranges: labels.length === 0 ? [] : [[first, first + labels.length]],
    top1: topKHits(scores, labels, classes, 1),
    top5: topKHits(scores, labels, classes, 5),
    confusion: Float64Array.from(confusionMatrix(labels, bestClasses(scores, classes), classes)),
  };
}

/**
 * The counts of several batches' pictures together, in whatever order they come.
 *
 * @throws RangeError when a picture was counted twice (as samplers do that fill up the last batch with copies), or the classes differ
 */
export function mergeCounts(parts: readonly ClassCounts[]): ClassCounts {
  const [one] = parts;
  if (one === undefined) throw new RangeError("there are no counts to merge");
  const other = parts.find(({ classes }) => classes !== one.classes);
  if (other !== undefined) throw new RangeError(`counts over ${one.classes} and over ${other.classes} classes`);
  const confusion = new Float64Array(one.classes ** 2);
  for (const part of parts) {
    for (let cell = 0; cell < confusion.length; cell++)
      confusion[cell] = (confusion[cell] as number) + (part.confusion[cell] as number);
  }
  return {
    classes: one.classes,
    ranges: joined(parts.flatMap(({ ranges }) => ranges)),
    top1: parts.reduce((sum, { top1 }) => sum + top1, 0),
    top5: parts.reduce((sum, { top5 }) => sum + top5, 0),
    confusion,
  };
}

/** Ranges that touch become one. */
function joined(ranges: ClassCounts["ranges"]): ClassCounts["ranges"] {
  const result: [number, number][] = [];
  for (const [first, end] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && first < last[1]) throw new RangeError(`picture ${first} was counted twice`);
    if (last !== undefined && first === last[1]) last[1] = end;
    else result.push([first, end]);
  }
  return result;
}

/**
 * Shares of all `pictures` of a split.
 *
 * @throws RangeError when the counts are not those of pictures 0 to `pictures - 1`, each once
 */
export function accuracies(
  { ranges, top1, top5, confusion, classes }: ClassCounts,
  pictures: number,
): { top1: number; top5: number; balanced: number } {
  const whole = ranges.length === 1 && ranges[0]?.[0] === 0 && ranges[0][1] === pictures;
  if (!whole) {
    const counted = ranges.map(([first, end]) => `${first} to ${end - 1}`).join(", ") || "none";
    throw new RangeError(`pictures ${counted} were counted, and not 0 to ${pictures - 1}`);
  }
  return { top1: top1 / pictures, top5: top5 / pictures, balanced: balancedAccuracy(confusion, classes) };
}
