import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { matlabRecords } from "./matlab-file.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

describe("a MATLAB file", () => {
  it.each(["meta.mat", "meta-plain.mat"])("%s, written by SciPy, gives numbers and texts of its records", (name) => {
    const records = matlabRecords(fixture(name), "synsets");
    expect(records.map((record) => [record["ILSVRC2012_ID"], record["WNID"], record["num_children"]])).toEqual([
      [1, "n02119789", 0],
      [2, "n02100735", 0],
      [3, "n01440764", 0],
      [4, "n02096294", 0],
      [5, "n01443537", 0],
      [6, "n00001740", 5],
    ]);
    expect(records[2]).toMatchObject({
      words: "tench, Tinca tinca",
      gloss: "café, a text beyond ASCII",
      children: null,
    });
  });

  it("is refused when it is another file, lacks the variable, or is cut off anywhere", () => {
    expect(() => matlabRecords(Buffer.from("no"), "synsets")).toThrow("is no MATLAB file of level 5");
    expect(() => matlabRecords(fixture("meta.mat"), "wrong")).toThrow('has no struct "wrong"');
    for (const name of ["meta.mat", "meta-plain.mat"]) {
      const whole = fixture(name);
      for (let length = 0; length < whole.length; length += 37)
        expect(() => matlabRecords(whole.subarray(0, length), "synsets")).toThrow(/^(is|has) /);
    }
  });

  it("is refused or read, and nothing else, whatever single byte is changed", () => {
    const whole = fixture("meta-plain.mat");
    for (let at = 128; at < whole.length; at += 3) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0xff;
      try {
        expect(matlabRecords(changed, "synsets").length).toBeLessThan(100);
      } catch (error) {
        expect((error as Error).message).toMatch(/^(is|has) /);
      }
    }
  });
});
