/** How often a distance agrees with a judgement of which of two alternatives is nearer to a reference. */
export interface TwoAlternatives {
  /** Mean over the triples of 1 where it agrees, of a half where both are equally far: 0 to 1. */
  score: number;
  /** Share of triples in which both are equally far. */
  ties: number;
}

/**
 * Two-alternative forced choice (Zhang et al. 2018, `lpips/trainer.py`): a triple gives `1 - judge` where the first alternative is nearer,
 * `judge` where the second is, and a half where both are equally far.
 *
 * @param first distances of the first alternatives from their references, `[triples]`
 * @param second those of the second ones
 * @param judge share of judges that prefer the second one, `[triples]`; left out: all prefer the first
 * @throws RangeError when the numbers differ, are none, or a distance is not a number
 */
export function twoAlternatives(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  judge?: ArrayLike<number>,
): TwoAlternatives {
  const triples = first.length;
  if (triples === 0 || second.length !== triples || (judge !== undefined && judge.length !== triples))
    throw new RangeError(`${triples} and ${second.length} distances, ${judge?.length ?? "no"} judgements`);
  let [score, ties] = [0, 0];
  for (let i = 0; i < triples; i++) {
    const [a, b, preferSecond] = [first[i] as number, second[i] as number, judge?.[i] ?? 0];
    if (Number.isNaN(a) || Number.isNaN(b)) throw new RangeError(`a distance of triple ${i} is not a number`);
    if (a === b) ties++;
    score += a === b ? 0.5 : a < b ? 1 - preferSecond : preferSecond;
  }
  return { score: score / triples, ties: ties / triples };
}
