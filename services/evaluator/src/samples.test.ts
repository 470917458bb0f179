import type { Dataset } from "@peco/data";
import { key } from "@peco/random";
import { describe, expect, it } from "vitest";
import { chanceOf } from "./classification.ts";
import { chooseSamples, greyOut, litByAttention } from "./samples.ts";

/** The part of a data set that choosing looks at: labels of the test pictures, after two training pictures. */
function labelled(labels: (number | null)[]): Dataset {
  const pictures = { label: (place: number) => labels[place - 2] };
  return { places: () => labels.map((_, i) => i + 2), pictures } as unknown as Dataset;
}

describe("chooseSamples", () => {
  const labels = [0, 0, 0, 0, 1, 2, 2, 3];

  it("takes classes in turn, none twice before all came once, in the pack's order within a class", () => {
    const chosen = chooseSamples(labelled(labels), labels.length, 6, key(1));
    expect(new Set(chosen.slice(0, 4).map((number) => labels[number]))).toEqual(new Set([0, 1, 2, 3]));
    expect(chosen.filter((number) => labels[number] === 0)).toEqual([0, 1]);
    expect(chosen.filter((number) => labels[number] === 2)).toEqual([5, 6]);
  });

  it("draws the order of the classes from the key", () => {
    const many = Array.from({ length: 16 }, (_, i) => i);
    const [first, again, other] = [1, 1, 2].map((seed) => chooseSamples(labelled(many), 16, 8, key(seed)));
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("takes what there is, and the first ones where there are no classes", () => {
    expect(chooseSamples(labelled([1, 0]), 2, 8, key(1)).toSorted()).toEqual([0, 1]);
    expect(chooseSamples(labelled([null, null, null]), 3, 2, key(1))).toEqual([0, 1]);
    expect(chooseSamples(labelled([0, 1, 2, 3]), 2, 8, key(1)).toSorted()).toEqual([0, 1]);
  });
});

it("greyOut covers the hidden patches and nothing else", () => {
  const picture = new Uint8Array(4 * 4 * 3).fill(7);
  const grey = greyOut(picture, 4, Uint8Array.of(0, 1, 0, 0)); // upper right of 2x2 patches
  const covered = [...grey.keys()].filter((i) => grey[i] === 128).map((i) => Math.floor(i / 3));
  expect([...new Set(covered)]).toEqual([2, 3, 6, 7]);
  expect(picture.every((value) => value === 7)).toBe(true);
});

it("litByAttention leaves the patch that is looked at most, and darkens the others by their share", () => {
  const picture = new Uint8Array(4 * 4 * 3).fill(100);
  const lit = litByAttention(picture, 4, Float32Array.of(0, 0.4, 0.2, 0.1)); // 2x2 patches
  const corner = (row: number, column: number) => lit[(row * 4 + column) * 3];
  expect([corner(0, 0), corner(0, 3), corner(3, 0), corner(3, 3)]).toEqual([10, 100, 55, 33]);
});

it("chance is the commonest class's share, and an even guess", () => {
  expect(chanceOf([0, 1, 1, 2, 1], 4)).toEqual({ commonest: 0.6, even: 0.25 });
});
