import type { PictureTable } from "./picture-table.ts";

/**
 * `count` of the pictures at some places of a pack, alike in number for each class as far as classes have so many: in each
 * class they are taken in the order of their contents' hashes, one from every class in turn. So the choice follows from the
 * pictures alone, and a smaller one lies within every larger one. The places come back ascending.
 */
export function balancedPlaces(
  pictures: Pick<PictureTable, "hash" | "label">,
  places: readonly number[],
  count: number,
): number[] {
  const hashed = places.map((place) => ({ place, hash: pictures.hash(place) }));
  hashed.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.place - b.place));
  const classes = new Map<number, number[]>();
  for (const { place } of hashed) {
    const label = pictures.label(place) ?? -1;
    const members = classes.get(label);
    if (members === undefined) classes.set(label, [place]);
    else members.push(place);
  }
  const ranked = [...classes]
    .sort(([a], [b]) => a - b)
    .flatMap(([, members]) => members.map((place, rank) => ({ place, rank })));
  // Sorting is stable: among equal ranks the classes keep their order.
  ranked.sort((a, b) => a.rank - b.rank);
  return ranked
    .slice(0, count)
    .map(({ place }) => place)
    .sort((a, b) => a - b);
}
