import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignSplits, type SplitFile } from "./assign-splits.ts";
import { hashBytes } from "./file-range.ts";

const shares = { testShare: 0.2, validationShare: 0.1 };
const hash = (content: number) => hashBytes(Buffer.from(String(content)));
const classes = ["a", "b", "c"];
const split = (files: readonly SplitFile[], names = classes) =>
  assignSplits({ root: "DIR", classes: names }, files, shares);

/** `count` different pictures of a class. */
const ofClass = (className: string | null, count: number, from = 0): SplitFile[] =>
  Array.from({ length: count }, (_, at) => ({ hash: hash(from + at), className, split: null }));

const enough = classes.flatMap((name, at) => ofClass(name, 50, at * 1000));

describe("assignSplits", () => {
  it("holds the shares in each class", () => {
    const { splits } = split(enough);
    for (const name of classes) {
      const here = splits.filter((_, at) => enough[at]?.className === name);
      expect([10, 4, 36]).toEqual(
        ["test", "validation", "train"].map((part) => here.filter((one) => one === part).length),
      );
    }
  });

  it("puts byte copies on one side, whatever their names, classes and order", () => {
    const file = fc.record({ content: fc.nat(60), className: fc.constantFrom(...classes) });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 120 }), fc.infiniteStream(fc.nat()), (extra, order) => {
        const files = [
          ...enough,
          ...extra.map(({ content, className }) => ({ hash: hash(content), className, split: null })),
        ];
        const { splits, copies } = split(files);
        const sides = new Map<string, Set<string>>();
        files.forEach((one, at) => {
          sides.set(one.hash, (sides.get(one.hash) ?? new Set()).add(splits[at] as string));
        });
        expect([...sides.values()].every((side) => side.size === 1)).toBe(true);
        expect(copies).toMatchObject({ files: files.length - sides.size, acrossSplits: 0 });
        // another order of the files changes nothing
        const shuffled = files
          .map((one) => ({ one, rank: order.next().value as number }))
          .sort((x, y) => x.rank - y.rank);
        const again = split(shuffled.map(({ one }) => one)).splits;
        shuffled.forEach(({ one }, at) => {
          expect(sides.get(one.hash)?.has(again[at] as string)).toBe(true);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("moves few pictures when one is added", () => {
    const before = split(enough).splits;
    const after = split([...enough, ...ofClass("a", 1, 9999)]).splits;
    expect(before.filter((side, at) => side !== after[at]).length).toBeLessThanOrEqual(2);
  });

  it("gives the smallest class something of each, and splits a folder without classes", () => {
    expect(split(ofClass("a", 5), ["a"]).splits.sort()).toEqual(["test", "train", "train", "train", "validation"]);
    const { splits } = split(ofClass(null, 100), []);
    expect(splits.filter((side) => side === "test").length).toBe(20);
  });

  it("keeps what the folder says, takes validation from its training pictures, and counts copies across", () => {
    const train = [...ofClass("a", 20), ...ofClass("b", 20, 100)].map((file) => ({ ...file, split: "train" as const }));
    const test = [...ofClass("a", 3, 18), ...ofClass("b", 4, 500)].map((file) => ({ ...file, split: "test" as const }));
    const { splits, copies } = split([...train, ...test], ["a", "b"]);
    expect(splits.slice(40)).toEqual(Array(7).fill("test"));
    expect(splits.slice(0, 40).filter((side) => side === "validation").length).toBe(4);
    expect(splits.slice(0, 40)).not.toContain("test");
    expect(copies).toEqual({ files: 2, acrossSplits: 2, acrossClasses: 0 });
  });

  it("changes nothing where the folder has all three", () => {
    const files = (["train", "validation", "test"] as const).flatMap((part, at) =>
      ofClass("a", 2, at * 10).map((file) => ({ ...file, split: part })),
    );
    expect(split(files, ["a"]).splits).toEqual(files.map((file) => file.split));
  });

  it("counts a picture that lies in several classes for the first", () => {
    const files = [...ofClass("a", 5), ...ofClass("b", 5, 100), ...ofClass("b", 5)];
    expect(split(files, ["a", "b"]).copies.acrossClasses).toBe(5);
    expect(() => split([...ofClass("a", 5), ...ofClass("b", 5)], ["a", "b"])).toThrow("the class b has 0");
  });

  it("counts copies with another label", () => {
    expect(split([...enough, ...ofClass("b", 2)]).copies).toEqual({ files: 2, acrossSplits: 0, acrossClasses: 2 });
  });

  it.each<[string, SplitFile[], string[], string]>([
    [
      "a small class",
      [...enough, ...ofClass("small", 4, 5000)],
      [...classes, "small"],
      "the class small has 4 different pictures, and needs at least 5",
    ],
    [
      "a class of copies",
      [...enough, ...Array(9).fill(ofClass("small", 1, 5000)[0])],
      [...classes, "small"],
      "the class small has 1 different picture, and needs at least 5",
    ],
    [
      "a class that is left with none",
      enough,
      [...classes, "gone"],
      "the class gone has 0 different pictures, and needs at least 5",
    ],
    [
      "a class with one training picture",
      ofClass("a", 1).flatMap((file) => [
        { ...file, split: "train" as const },
        { ...file, split: "test" as const },
      ]),
      ["a"],
      "the class a has 1 different picture to train with, and needs at least 2",
    ],
    ["a small folder", ofClass(null, 3), [], "DIR has 3 different pictures to train with, and needs at least 5"],
  ])("refuses %s by name", (_, files, names, message) => {
    expect(() => split(files, names)).toThrow(message);
  });
});
