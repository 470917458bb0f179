/**
 * Number of pictures whose label is among the `k` best classes. `scores` is `[pictures, classes]` (logits or probabilities), `labels`
 * `[pictures]`. Of equal scores the lower class comes first, as in a stable sort; a score that is not a number is never a hit.
 */
export function topKHits(scores: ArrayLike<number>, labels: ArrayLike<number>, classes: number, k: number): number {
  if (scores.length !== labels.length * classes) {
    throw new RangeError(`${scores.length} scores do not fit ${labels.length} labels and ${classes} classes`);
  }
  let hits = 0;
  for (let picture = 0; picture < labels.length; picture++) {
    const label = classOf(labels, picture, classes);
    const start = picture * classes;
    const score = scores[start + label] as number;
    let before = 0;
    for (let other = 0; other < classes; other++) {
      const rival = scores[start + other] as number;
      if (rival > score || (rival === score && other < label) || Number.isNaN(rival)) before++;
    }
    if (before < k) hits++;
  }
  return hits;
}

/** The best class of each picture, `int32 [pictures]`; the lower class of equal ones. `scores` is `[pictures, classes]`. */
export function bestClasses(scores: ArrayLike<number>, classes: number): Int32Array {
  const best = new Int32Array(scores.length / classes);
  for (let picture = 0; picture < best.length; picture++) {
    let chosen = 0;
    for (let other = 1; other < classes; other++) {
      if ((scores[picture * classes + other] as number) > (scores[picture * classes + chosen] as number))
        chosen = other;
    }
    best[picture] = chosen;
  }
  return best;
}

/** How often pictures of a class (row) were taken for a class (column): `uint32 [classes * classes]`, row by row. */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): Uint32Array {
  if (labels.length !== predictions.length)
    throw new RangeError(`${labels.length} labels, but ${predictions.length} predictions`);
  const matrix = new Uint32Array(classes * classes);
  for (let picture = 0; picture < labels.length; picture++) {
    const cell = classOf(labels, picture, classes) * classes + classOf(predictions, picture, classes);
    matrix[cell] = (matrix[cell] as number) + 1;
  }
  return matrix;
}

/** Share of pictures on the diagonal of a confusion matrix. NaN for no pictures. */
export function accuracy(confusion: ArrayLike<number>, classes: number): number {
  let [right, all] = [0, 0];
  for (let cell = 0; cell < confusion.length; cell++) {
    all += confusion[cell] as number;
    if (cell % (classes + 1) === 0) right += confusion[cell] as number;
  }
  return right / all;
}

/** Mean of the classes' own accuracies, over the classes that have pictures. NaN when none has. */
export function balancedAccuracy(confusion: ArrayLike<number>, classes: number): number {
  let [sum, present] = [0, 0];
  for (let label = 0; label < classes; label++) {
    let all = 0;
    for (let prediction = 0; prediction < classes; prediction++)
      all += confusion[label * classes + prediction] as number;
    if (all === 0) continue;
    sum += (confusion[label * classes + label] as number) / all;
    present++;
  }
  return sum / present;
}

function classOf(values: ArrayLike<number>, index: number, classes: number): number {
  const value = values[index] as number;
  if (!(Number.isInteger(value) && value >= 0 && value < classes)) {
    throw new RangeError(`class ${value} of picture ${index} is not among ${classes}`);
  }
  return value;
}
