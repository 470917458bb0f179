/**
 * The name that a mistyped one most likely stands for: fewest letters changed, added, left out or swapped with their
 * neighbour, upper and lower case alike. Null when none is near: more than a third of the letters differ, or all.
 */
export function nearest(typed: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const changes = distance(typed.toLowerCase(), name.toLowerCase());
    if (changes < least && changes < typed.length) [best, least] = [name, changes];
  }
  return best;
}

/** Damerau's distance in its restricted form: no letter is changed twice. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(before, j - 2) + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return at(above, b.length);
}

function at(row: readonly number[], i: number): number {
  return row[i] as number;
}
