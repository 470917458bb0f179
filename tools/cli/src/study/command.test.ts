import { describe, expect, it } from "vitest";
import { withoutFolders } from "./command.ts";

describe("the command that a study writes down", () => {
  it("says nothing of where this machine keeps its files", () => {
    const words = ["study", "--store", "/data/store", "--jobs", "2", "--out=/data/out", "--arms", "peco,scratch"];
    expect(withoutFolders(words)).toEqual(["study", "--jobs", "2", "--arms", "peco,scratch"]);
  });
});
