import fc from "fast-check";
import { expect, it } from "vitest";
import { balancedPlaces } from "./balanced-places.ts";
import { PictureTable } from "./picture-table.ts";

/** Pictures of the given classes, whose hashes come in another order than their places. */
function pack(labels: readonly number[]): PictureTable {
  const pictures = labels.map((label, place) => ({
    name: `${place}`,
    hash: ((place * 7919) % 65_521).toString(16).padStart(64, "0"),
    label,
    split: "train" as const,
    labelled: true,
  }));
  return PictureTable.of(pictures);
}

it("takes the first of each class by hash, as many of one class as of another, each choice within the next", () => {
  const sets = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sets, fc.integer({ min: 1, max: 70 }), (labels, count) => {
      const pictures = pack(labels);
      const places = labels.map((_, place) => place);
      const chosen = balancedPlaces(pictures, places, count);
      expect(chosen).toHaveLength(Math.min(count, labels.length));
      expect([...chosen].sort((a, b) => a - b)).toEqual(chosen);
      const larger = new Set(balancedPlaces(pictures, places, count + 1));
      expect(chosen.every((place) => larger.has(place))).toBe(true);
      const taken = (label: number) => chosen.filter((place) => labels[place] === label).length;
      const most = Math.max(...labels.map(taken));
      for (const label of new Set(labels)) {
        const whole = labels.filter((other) => other === label).length;
        expect(taken(label)).toBeGreaterThanOrEqual(Math.min(whole, most - 1));
        const first = places.filter((place) => labels[place] === label);
        first.sort((a, b) => (pictures.hash(a) < pictures.hash(b) ? -1 : 1));
        expect(new Set(chosen.filter((place) => labels[place] === label))).toEqual(
          new Set(first.slice(0, taken(label))),
        );
      }
    }),
    { numRuns: 200 },
  );
});

it("chooses among the given places alone", () => {
  expect(balancedPlaces(pack([0, 0, 1, 1, 0]), [1, 3, 4], 2)).toHaveLength(2);
  expect(balancedPlaces(pack([0, 0, 1, 1, 0]), [1, 3, 4], 3)).toEqual([1, 3, 4]);
});
