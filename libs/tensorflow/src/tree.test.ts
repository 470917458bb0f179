import fc from "fast-check";
import { expect, it } from "vitest";
import { TreeError } from "./errors.ts";
import { hostArray } from "./host-array.ts";
import { flatten, mapTree, paths, toRecord, unflatten, zipTrees } from "./tree.ts";

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.integer(),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), tie("tree"), { maxKeys: 4 }),
  ),
}));

it("comes back from its record of paths", () => {
  fc.assert(
    fc.property(tree, (t) => {
      expect(unflatten(t, toRecord(t as never))).toEqual(t);
    }),
  );
});

it("sorts paths as text, and keeps the structure's own order in maps", () => {
  const t = { b: [1, 2, { c: 3 }], a: { z: 4, y: null } };
  expect(paths(t)).toEqual(["a.z", "b.0", "b.1", "b.2.c"]);
  const seen: string[] = [];
  expect(mapTree(t, (leaf, path) => seen.push(path) && leaf * 10)).toEqual({
    b: [10, 20, { c: 30 }],
    a: { z: 40, y: null },
  });
  expect(seen).toEqual(["b.0", "b.1", "b.2.c", "a.z"]);
});

it("takes host arrays as leaves", () => {
  const array = hostArray("int32", [2], Int32Array.of(1, 2));
  expect(flatten({ x: array } as never)).toEqual([["x", array]]);
});

it("zips trees of one structure and names where another differs", () => {
  expect(
    zipTrees((a: number, b: number, c: number) => a + b * c, { x: 1, y: [2] }, { x: 3, y: [4] }, { x: 5, y: [6] }),
  ).toEqual({ x: 16, y: [26] });
  expect(() => zipTrees((a: number) => a, { x: 1 }, { y: 1 })).toThrow(
    new TreeError('tree 2 of 2 differs in structure from the first at "x"'),
  );
});

it.each([
  [{ a: undefined }, 'the tree holds undefined at "a"; leave the name out, or use null'],
  [{ "a.b": 1 }, '"a.b" (in "") can\'t name a part of a tree: paths are joined by dots'],
])("refuses %j", (t, message) => expect(() => paths(t as never)).toThrow(new TreeError(message)));

it("says which leaves do not fit", () => {
  expect(() => unflatten({ a: 1, b: 2 }, { a: 1, c: 3 })).toThrow("missing b; too many c");
});
