import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { Display } from "../run/display.ts";
import { studyFiles, studyOf, withoutFolders } from "./command.ts";

describe("the command that a study writes down", () => {
  it("says nothing of where this machine keeps its files", () => {
    const words = ["study", "--store", "/data/store", "--jobs", "2", "--out=/data/out", "--arms", "peco,scratch"];
    expect(withoutFolders(words)).toEqual(["study", "--jobs", "2", "--arms", "peco,scratch"]);
  });
});

const picture = (grey: number) =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: grey, g: grey, b: grey } } });

describe("a study's name", () => {
  const named = (data: string) => studyOf({ data }, new Display());

  it("is never another study's, whose results would be overwritten", async () => {
    await expect(named("./generated")).rejects.toThrow('a folder called "generated"');
    await expect(named("pictures/emoji/")).rejects.toThrow('a folder called "emoji"');
    await expect(named("/")).rejects.toThrow("where nobody finds them");
  });

  it("is the folder's, apart from what its pictures are", async () => {
    const root = mkdtempSync(join(tmpdir(), "peco-study-"));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const name of ["a", "b"]) {
      mkdirSync(join(root, "birds", name), { recursive: true });
      for (let i = 0; i < 10; i++)
        writeFileSync(join(root, "birds", name, `${i}.png`), await picture(i).png().toBuffer());
    }
    const { kind, name, budgets, seeds } = await named(join(root, "birds"));
    expect({ kind, name, budgets, seeds }).toEqual({
      kind: "folder",
      name: "birds",
      budgets: [null],
      seeds: [11n, 12n, 13n, 14n],
    });
    expect(studyFiles("docs", name).page).toBe(join("docs", "study-birds.md"));
  });
});
