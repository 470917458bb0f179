import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scanFolder } from "./scan-folder.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "peco-scan-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Makes empty files: scanning does not open them. */
async function files(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), "");
  }
}

const shape = async (folder = root) => {
  const { classes, splits, files: found, skipped, others } = await scanFolder(folder);
  return {
    classes,
    splits,
    files: found.map(({ name, className, split }) => [name, className, split]),
    skipped,
    others,
  };
};

describe("scanFolder", () => {
  it("takes DIR/<class>/..., with what lies in folders inside a class, in any spelling of the ending", async () => {
    await files(
      "cat/1.jpg",
      "cat/old/deep/2.JPEG",
      "dog/3.Png",
      "dog/4.webp",
      "dog/notes.txt",
      "dog/.hidden.jpg",
      ".git/5.jpg",
      "empty/readme.md",
    );
    expect(await shape()).toEqual({
      classes: ["cat", "dog"],
      splits: [],
      files: [
        ["cat/1.jpg", "cat", null],
        ["cat/old/deep/2.JPEG", "cat", null],
        ["dog/3.Png", "dog", null],
        ["dog/4.webp", "dog", null],
      ],
      skipped: [],
      others: 2,
    });
  });

  it("takes DIR/{train,val}/<class>/..., and the validation pictures as the test, as ImageNet's are used", async () => {
    await files("train/a/1.jpg", "train/b/2.jpg", "val/a/3.jpg", "val/b/4.jpg");
    expect(await shape()).toMatchObject({
      classes: ["a", "b"],
      splits: ["train", "test"],
      files: [
        ["train/a/1.jpg", "a", "train"],
        ["train/b/2.jpg", "b", "train"],
        ["val/a/3.jpg", "a", "test"],
        ["val/b/4.jpg", "b", "test"],
      ],
    });
  });

  it("takes DIR/{train,val,test}/<class>/... as it says, and the same without classes", async () => {
    await files("Train/1.jpg", "Train/2.jpg", "valid/3.jpg", "TEST/4.jpg");
    expect(await shape()).toMatchObject({
      classes: [],
      files: [
        ["TEST/4.jpg", null, "test"],
        ["Train/1.jpg", null, "train"],
        ["Train/2.jpg", null, "train"],
        ["valid/3.jpg", null, "validation"],
      ],
    });
  });

  it("takes classes that are called like parts of a split for classes", async () => {
    await files("train/1.jpg", "plane/2.jpg", "test/3.jpg");
    expect((await shape()).classes).toEqual(["plane", "test", "train"]);
    await files("plane/old/4.jpg");
    expect((await shape()).classes).toEqual(["plane", "test", "train"]);
  });

  it("takes one flat folder without classes", async () => {
    await files("b.jpg", "a.avif", "c.tiff", "d.gif", "e.heic");
    expect(await shape()).toMatchObject({
      classes: [],
      others: 1,
      files: [
        ["a.avif", null, null],
        ["b.jpg", null, null],
        ["c.tiff", null, null],
        ["d.gif", null, null],
      ],
    });
  });

  it("takes names with spaces, quotes, newlines and any Unicode", async () => {
    const names = ['a b/it\'s "x".jpg', "a b/$(rm -rf)\n.jpg", "çà 日本/😀.png", "çà 日本/e\u0301.jpg"];
    await files(...names);
    expect((await shape()).files.map(([name]) => name)).toEqual([...names].sort());
  });

  it("follows links to files and folders, and names those that lead nowhere or back", async () => {
    await files("a/1.jpg", "b/2.jpg");
    await mkdir(join(root, ".elsewhere"));
    await writeFile(join(root, ".elsewhere/3.jpg"), "");
    await symlink(join(root, ".elsewhere"), join(root, "c"));
    await symlink("../.elsewhere/3.jpg", join(root, "a/link.jpg"));
    await symlink("..", join(root, "b/up"));
    await symlink("gone.jpg", join(root, "b/gone.jpg"));
    expect(await shape()).toMatchObject({
      classes: ["a", "b", "c"],
      files: [["a/1.jpg"], ["a/link.jpg"], ["b/2.jpg"], ["c/3.jpg"]].map(([name]) => [name, (name as string)[0], null]),
      skipped: [
        { name: "b/gone.jpg", reason: "is a link that leads nowhere" },
        { name: "b/up", reason: "is a link to a folder above it" },
      ],
    });
  });
});

describe("refusals", () => {
  const refused = async (folder = root) =>
    scanFolder(folder).then(
      () => expect.unreachable(),
      (error: Error) => error,
    );

  it.each<[string, string[], string, RegExp]>([
    ["an empty folder", [], "TooFewPictures", /holds no pictures$/],
    ["a folder of other files", ["a/1.txt", "2.doc"], "TooFewPictures", /holds no pictures \(and 2 other files\)$/],
    [
      "one picture only",
      ["a/1.jpg", "x.txt"],
      "TooFewPictures",
      /holds one picture only, a\/1\.jpg \(and 1 other file\)$/,
    ],
    ["one class only", ["a/1.jpg", "a/2.jpg"], "OneClassOnly", /has one class only, a$/],
    [
      "pictures beside classes",
      ["a/1.jpg", "b/2.jpg", "3.jpg"],
      "MixedLayout",
      /pictures beside its class folders, for example 3\.jpg$/,
    ],
    [
      "pictures beside classes in a part",
      ["train/a/1.jpg", "train/b/1.jpg", "train/2.jpg", "val/a/3.jpg"],
      "MixedLayout",
      /for example train\/2\.jpg$/,
    ],
    [
      "a folder beside the parts of a split",
      ["train/a/1.jpg", "train/b/1.jpg", "val/a/2.jpg", "val/b/2.jpg", "thumbs/x.jpg"],
      "MixedLayout",
      /has train, val with folders inside, as the parts of a split have, and beside them thumbs: classes, or a split\?$/,
    ],
    [
      "class folders beside a part of a split",
      ["a/1.jpg", "b/1.jpg", "Validation/a/2.jpg", "Validation/b/2.jpg"],
      "MixedLayout",
      /has Validation with folders inside, as the parts of a split have, and beside them a: /,
    ],
    [
      "parts of a split without one for training",
      ["test/a/1.jpg", "test/b/1.jpg", "val/a/2.jpg", "val/b/2.jpg"],
      "MixedLayout",
      /has test, val with folders inside, as the parts of a split have, and no folder train: /,
    ],
    ["the test alone", ["test/a/1.jpg", "test/b/2.jpg"], "OneClassOnly", /has one class only, test$/],
    [
      "a class that only train has",
      ["train/a/1.jpg", "train/b/2.jpg", "val/a/3.jpg"],
      "ClassesDiffer",
      /the pictures for test lack the class b$/,
    ],
    [
      "classes that only val has",
      ["train/a/1.jpg", "val/a/2.jpg", "val/b/3.jpg", "val/c/4.jpg"],
      "ClassesDiffer",
      /the pictures for train lack the classes b, c$/,
    ],
    [
      "a class that is spelt in two ways",
      ["train/a/1.jpg", "train/coffee/2.jpg", "val/a/3.jpg", "val/cofee/4.jpg"],
      "ClassesDiffer",
      /the pictures for train lack the class cofee; the pictures for test lack the class coffee$/,
    ],
  ])("names %s", async (_, names, kind, message) => {
    await files(...names);
    const error = await refused();
    expect(error).toMatchObject({ name: kind, exitCode: 65, path: root });
    expect(error.message).toMatch(message);
    expect((error as Error & { remedy: string }).remedy).toMatch(/^[A-Z].*\.$/);
  });

  it("names a folder that is not there, and a file in place of one", async () => {
    expect(await refused(join(root, "no"))).toMatchObject({
      name: "FolderUnusable",
      exitCode: 65,
      message: `there is no folder ${root}/no`,
    });
    await files("x.jpg");
    expect(await refused(join(root, "x.jpg"))).toMatchObject({
      name: "FolderUnusable",
      message: `${root}/x.jpg is a file, not a folder`,
    });
    expect(await refused(join(root, "x.jpg/y"))).toMatchObject({ message: `there is no folder ${root}/x.jpg/y` });
  });

  it.skipIf(process.getuid?.() === 0)("names a folder that may not be read", async () => {
    await files("a/1.jpg", "b/2.jpg");
    await chmod(join(root, "b"), 0);
    expect(await refused()).toMatchObject({
      name: "FolderUnusable",
      path: join(root, "b"),
      message: /cannot be read \(EACCES\)/,
    });
    await chmod(join(root, "b"), 0o755);
  });
});
