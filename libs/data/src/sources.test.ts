import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tarOf } from "../test/archives.ts";
import {
  asClassFolders,
  asShards,
  asTars,
  devkit,
  type Files,
  type MiniImagenet,
  miniImagenet,
  packedDevkit,
  withFlatVal,
  wnids,
} from "../test/mini-imagenet.ts";
import { writeFiles } from "../test/photographs.ts";
import { Dataset } from "./dataset.ts";
import { identifyFolder } from "./identify-folder.ts";
import { packFolder } from "./pack-data.ts";
import { scanFolder } from "./scan-folder.ts";

let folder: string;
let set: MiniImagenet;
let number = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-sources-"));
  set = await miniImagenet();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder with these files. */
async function folderOf(...parts: (Files | Promise<Files>)[]): Promise<string> {
  const root = join(folder, String(number++));
  await writeFiles(root, Object.assign({}, ...(await Promise.all(parts))));
  return root;
}

const options = { onCorrupt: "fail" as const, testShare: 0.2, validationShare: 0.2, labelledShare: 1 };

/** Packs a folder's pixels; tells what the pack says of each picture by its content's hash, and its pixels. */
async function packed(root: string, more: { labelsFile?: string; labelledShare?: number } = {}) {
  const identified = await identifyFolder(root, { memory: null, ...more });
  const out = `${root}.u8`;
  const { index, table } = await packFolder(identified, { form: "decoded", out, side: 8 }, { ...options, ...more });
  await using data = await Dataset.open({ index, pictures: out });
  const pictures = [];
  for (const [place, { hash, label, split, labelled }] of [...table].entries()) {
    const pixels = Buffer.from((await data.picture(place)).data).toString("base64");
    pictures.push({ hash, className: label === null ? null : index.classes[label], split, labelled, pixels });
  }
  return { ...identified, index, names: [...table].map(({ name }) => name), pictures };
}

describe("ImageNet", () => {
  it("gives the same pictures, classes and split in every form in which it is distributed", async () => {
    const solution = Object.keys(set.val).map((name, at) => `${name.replace(".JPEG", "")},${set.truth[at]} 1 2 3 4 `);
    const synsets = { "imagenet_2012_validation_synset_labels.txt": set.truth.join("\n") };
    const kaggle = { "LOC_val_solution.csv": ["ImageId,PredictionString", ...solution.reverse()].join("\r\n") };
    const forms: [string, string, Promise<string>][] = [
      ["ImageNet folders", "folders train and val (val is the test)", folderOf(asClassFolders(set))],
      [
        "ImageNet folders",
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt",
        folderOf(withFlatVal(set), devkit(set)),
      ],
      ["ImageNet folders", "ILSVRC2012_devkit_t12.tar.gz", folderOf(withFlatVal(set), packedDevkit(set))],
      ["ImageNet folders", "LOC_val_solution.csv", folderOf(withFlatVal(set), kaggle)],
      ["ImageNet folders", "imagenet_2012_validation_synset_labels.txt", folderOf(withFlatVal(set), synsets)],
      ["ImageNet tar files", "ILSVRC2012_devkit_t12.tar.gz", folderOf(asTars(set), packedDevkit(set))],
    ];
    const first = await packed(await (forms[0] as (typeof forms)[number])[2]);
    expect(first.index.classes).toEqual([...wnids].sort());
    expect(first.pictures.length).toBe(45);
    expect(first.pictures.filter(({ split }) => split === "test").length).toBe(10);
    expect(first.pictures.filter(({ split }) => split === "validation").length).toBe(5);
    for (const [kind, text, root] of forms) {
      const { index, pictures, names } = await packed(await root);
      expect(index.source).toBe(kind);
      expect(index.split).toMatchObject({ kind: "both", text: expect.stringContaining(text) });
      expect(index.split?.text).toMatch(/20 % of each class's training pictures for validation, by the order of/);
      expect(pictures).toEqual(first.pictures);
      expect(names.filter((name) => name.startsWith("train/")).toSorted()).toEqual(Object.keys(set.train).toSorted());
    }
  });

  it("is read from class tars in a folder, too, and leaves out test pictures without labels", async () => {
    const tars: Files = {};
    for (const wnid of wnids) {
      const own = Object.entries(set.train).filter(([name]) => name.includes(wnid));
      tars[`train/${wnid}.tar`] = await tarOf(
        Object.fromEntries(own.map(([name, bytes]) => [name.split("/")[2] as string, bytes])),
      );
    }
    const val = Object.fromEntries(Object.entries(withFlatVal(set)).filter(([name]) => name.startsWith("val/")));
    const test = Object.fromEntries(
      Object.entries(set.val).map(([name, bytes]) => [`test/${name.replace("val", "test")}`, bytes]),
    );
    const root = await folderOf(tars, val, test, devkit(set));
    const contents = await scanFolder(root);
    expect(contents).toMatchObject({ kind: "class tar files", classes: [...wnids].sort(), splits: ["train", "test"] });
    expect(contents.files.length).toBe(45);
    expect(contents.others).toBe(10 + 2);
    expect(contents.prescribed).toMatch(
      /^folders train and val \(val is the test; classes of val by ILSVRC2012_devkit/,
    );
  });

  it("is split by contents where only its training pictures are there, and refused where only the others are", async () => {
    const { "ILSVRC2012_img_train.tar": train = "", "ILSVRC2012_img_val.tar": val = "" } = await asTars(set);
    const contents = await scanFolder(await folderOf({ "ILSVRC2012_img_train.tar": train }));
    expect(contents).toMatchObject({ kind: "ImageNet tar files", classes: [...wnids].sort(), prescribed: null });
    expect(contents.files.every(({ split }) => split === null)).toBe(true);
    const alone = await folderOf({ "ILSVRC2012_img_val.tar": val }, devkit(set));
    await expect(scanFolder(alone)).rejects.toMatchObject({
      name: "FolderUnusable",
      message: `${alone} holds ILSVRC2012_img_val.tar and no pictures for training`,
    });
  });

  it("is identified by its labels, too", async () => {
    const one = await folderOf(withFlatVal(set), devkit(set));
    const other = await folderOf(withFlatVal(set), devkit({ truth: set.truth.toReversed() }));
    const digests = await Promise.all(
      [one, other].map(async (root) => (await identifyFolder(root, { memory: null })).digest),
    );
    expect(digests[0]).not.toBe(digests[1]);
  });

  const broken: [string, () => Promise<Files>, string | RegExp][] = [
    ["nothing", async () => ({}), /the 10 validation pictures lie in no class folders, and nothing says their classes/],
    [
      "too few lines",
      () => devkit({ truth: set.truth.slice(1) }),
      /there are 10 validation pictures, and .*ground_truth.txt has 9 lines/,
    ],
    [
      "a number that is no class",
      async () => ({
        ...(await devkit(set)),
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": "1\n6\n",
      }),
      /line 2 of .* says class "6", and meta.mat has 5 classes/,
    ],
    [
      "no meta.mat",
      async () => {
        const { "ILSVRC2012_devkit_t12/data/meta.mat": _, ...rest } = await devkit(set);
        return rest;
      },
      /names classes by number, and .*meta.mat is not there/,
    ],
    [
      "another meta.mat",
      async () => ({ ...(await devkit(set)), "ILSVRC2012_devkit_t12/data/meta.mat": "x" }),
      /meta.mat is no MATLAB file of level 5/,
    ],
    [
      "a devkit that is cut off",
      async () => ({
        "ILSVRC2012_devkit_t12.tar.gz": ((await packedDevkit(set))["ILSVRC2012_devkit_t12.tar.gz"] as Buffer).subarray(
          0,
          300,
        ),
      }),
      /ILSVRC2012_devkit_t12.tar.gz cannot be unpacked/,
    ],
    [
      "another tar",
      async () => ({ "ILSVRC2012_devkit_t12.tar.gz": gzipSync(await tarOf({ a: "b" })) }),
      /does not hold ILSVRC2012_validation_ground_truth.txt/,
    ],
    [
      "a list that lacks pictures",
      async () => ({ "LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3 4" }),
      /does not name 9 of the validation pictures: val\/ILSVRC2012_val_00000002.JPEG, .* and 6 more/,
    ],
  ];
  it.each(broken)("with flat validation pictures and %s is refused", async (_, beside, message) => {
    const root = await folderOf(withFlatVal(set), beside());
    await expect(scanFolder(root)).rejects.toMatchObject({
      name: "LabelsUnusable",
      exitCode: 65,
      message: expect.stringMatching(message),
      remedy: expect.stringContaining("ILSVRC2012_devkit_t12.tar.gz"),
    });
  });

  it("whose classes differ between train and val is refused, and says which", async () => {
    const truth = set.truth.map((wnid) => (wnid === "n01440764" ? "n02119789" : wnid));
    await expect(scanFolder(await folderOf(withFlatVal(set), devkit({ truth })))).rejects.toMatchObject({
      name: "ClassesDiffer",
      message: expect.stringMatching(/the pictures for test lack the class n01440764$/),
    });
    const fewer = Object.fromEntries(
      Object.entries(withFlatVal(set)).filter(([name]) => !name.includes("/n01440764/")),
    );
    await expect(scanFolder(await folderOf(fewer, devkit(set)))).rejects.toThrow(
      /the pictures for train lack the class n01440764$/,
    );
  });

  it("in tar files that are cut off or empty is refused, and says where", async () => {
    const tars = await asTars(set);
    const whole = tars["ILSVRC2012_img_train.tar"] as Buffer;
    const cut = await folderOf(
      tars,
      { "ILSVRC2012_img_train.tar": whole.subarray(0, whole.length - 9000) },
      packedDevkit(set),
    );
    await expect(scanFolder(cut)).rejects.toMatchObject({
      name: "TarDamaged",
      message: expect.stringMatching(
        /ILSVRC2012_img_train.tar is cut off: n02119789.tar begins at byte \d+ and has \d+ bytes, but the file ends at byte \d+$/,
      ),
    });
    const empty = await tarOf({ "n01440764.tar": await tarOf({ "readme.txt": "x" }) });
    const without = await folderOf(tars, { "ILSVRC2012_img_train.tar": empty });
    await expect(scanFolder(without)).rejects.toMatchObject({
      name: "TooFewPictures",
      message: `n01440764.tar in ${join(without, "ILSVRC2012_img_train.tar")} has no pictures`,
    });
  });
});

describe("WebDataset shards", () => {
  it("give the pictures, classes and split of the folders", async () => {
    const names = { "classes.txt": [...wnids].sort().join("\n") };
    const shards = await packed(await folderOf(asShards(set), names));
    const folders = await packed(await folderOf(asClassFolders(set)));
    expect(shards.index).toMatchObject({
      source: "WebDataset shards",
      split: { kind: "both", text: expect.stringMatching(/^names of the shards; 20 % of/) },
    });
    expect(shards.pictures).toEqual(folders.pictures);
    expect(shards.names).toContain("train-000000.tar/n02119789_100.jpg");
  });

  it("number their classes by value where they have no names, and keep names that labels are", async () => {
    const tar = (labels: string[]) =>
      tarOf(
        Object.fromEntries(
          labels.flatMap((label, at) => [
            [`${at}.jpg`, `picture ${at}`],
            [`${at}.cls`, label],
          ]),
        ),
      );
    const numbers = await scanFolder(await folderOf({ "a.tar": await tar(["10", "2", "2", "10"]) }));
    expect(numbers).toMatchObject({ classes: ["2", "10"], splits: [], prescribed: null });
    const words = await scanFolder(await folderOf({ "a.tar": await tar(["dog", "cat"]) }));
    expect(words.classes).toEqual(["cat", "dog"]);
    const none = await scanFolder(
      await folderOf({
        "a.tar": await tarOf({ "._x.jpg": "0", "x.jpg": "1", "._y.png": "0", "y.png": "2", "y.txt": "3" }),
      }),
    );
    expect(none).toMatchObject({ classes: [], others: 1 });
  });

  const sample = (key: string, label: string) => ({ [`${key}.jpg`]: `picture ${key}`, [`${key}.cls`]: label });
  const broken: [string, () => Promise<Files>, string, RegExp][] = [
    [
      "a picture without a label",
      async () => ({ "a.tar": await tarOf({ ...sample("1", "0"), ...sample("2", "1"), "lost.jpg": "x" }) }),
      "LabelsUnusable",
      /^1 of 3 pictures have no label: a.tar\/lost.jpg$/,
    ],
    [
      "a label without a picture",
      async () => ({ "a.tar": await tarOf({ ...sample("1", "0"), "2.cls": "1" }) }),
      "LabelsUnusable",
      /^the sample 2 in a.tar has a label and no picture$/,
    ],
    [
      "a key that comes twice",
      async () => ({ "a.tar": await tarOf({ "1.jpg": "x", "2.jpg": "y", "1.cls": "3" }) }),
      "LabelsUnusable",
      /^the key 1 is there twice in a.tar, with other samples between$/,
    ],
    [
      "two pictures of one key",
      async () => ({ "a.tar": await tarOf({ "1.jpg": "x", "1.png": "y" }) }),
      "LabelsUnusable",
      /^the key 1 has two pictures in a.tar$/,
    ],
    [
      "a label that is no JSON",
      async () => ({ "a.tar": await tarOf({ "1.jpg": "x", "1.json": "{" }) }),
      "LabelsUnusable",
      /^1.json in a.tar is no JSON/,
    ],
    [
      "a label beyond the classes",
      async () => ({ "a.tar": await tarOf({ ...sample("1", "0"), ...sample("2", "7") }), "classes.txt": "one\ntwo" }),
      "LabelsUnusable",
      /^there is a label 7, and classes.txt names 2 classes, from 0$/,
    ],
    [
      "names of which some have a split",
      async () => ({ "train-0.tar": await tarOf(sample("1", "0")), "more.tar": await tarOf(sample("2", "1")) }),
      "MixedLayout",
      /for example more.tar$/,
    ],
    [
      "a class that is for training only",
      async () => ({
        "train-0.tar": await tarOf({ ...sample("1", "0"), ...sample("2", "1") }),
        "val-0.tar": await tarOf(sample("3", "0")),
      }),
      "ClassesDiffer",
      /the pictures for test lack the class 1$/,
    ],
    [
      "a shard that is cut off",
      async () => ({ "a.tar": (await tarOf(sample("1", "0"))).subarray(0, 1100) }),
      "TarDamaged",
      /a.tar is cut off: /,
    ],
    ["nothing in them", async () => ({ "a.tar": await tarOf({}) }), "TooFewPictures", /holds no pictures$/],
  ];
  it.each(broken)("with %s are refused", async (_, files, name, message) => {
    await expect(scanFolder(await folderOf(files()))).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
  });
});

describe("the labels of a part of the pictures", () => {
  const list = async (lines: readonly string[]) => {
    const path = join(folder, `list-${number++}.txt`);
    await writeFile(path, lines.join("\n"));
    return path;
  };

  it("are those of a list of names, with or without folders", async () => {
    const root = await folderOf(asClassFolders(set));
    const labelsFile = await list([
      "n01440764_100.JPEG",
      "train/n02100735/n02100735_103.JPEG",
      "n02100735/n02100735_104.JPEG",
      "",
      "n01440764_100.JPEG",
    ]);
    const { pictures, names, digest } = await packed(root, { labelsFile });
    const labelled = names.filter((_, at) => pictures[at]?.labelled && pictures[at]?.split === "train");
    const listed = [
      "train/n01440764/n01440764_100.JPEG",
      "train/n02100735/n02100735_103.JPEG",
      "train/n02100735/n02100735_104.JPEG",
    ];
    expect(listed).toEqual(expect.arrayContaining(labelled)); // one of them may have become a validation picture
    expect(labelled.length).toBeGreaterThan(0);
    expect(pictures.filter(({ split }) => split === "test").every((picture) => picture.labelled)).toBe(true);
    expect(digest).not.toBe((await identifyFolder(root, { memory: null })).digest);
  });

  it("are refused when the list names what is not there, is for the test, or is not the only one", async () => {
    const root = await folderOf(asClassFolders(set));
    const missing = await list(["n01440764_100.JPEG", "a.jpg", "b.jpg", "c.jpg", "ILSVRC2012_val_00000001.JPEG"]);
    await expect(identifyFolder(root, { memory: null, labelsFile: missing })).rejects.toMatchObject({
      name: "LabelsUnusable",
      message: `${missing} names 4 of 5 pictures that are not among those with a class for training: a.jpg, b.jpg, c.jpg and 1 more`,
    });
    const twice = await folderOf({ "a/1.jpg": "x", "a/2.jpg": "y", "b/1.jpg": "z" });
    const several = await list(["2.jpg", "1.jpg"]);
    await expect(identifyFolder(twice, { memory: null, labelsFile: several })).rejects.toThrow(
      /names 1 pictures of which there are several: 1.jpg$/,
    );
    await expect(identifyFolder(root, { memory: null, labelsFile: join(folder, "no.txt") })).rejects.toThrow(
      /cannot be read \(ENOENT\)/,
    );
    await expect(identifyFolder(root, { memory: null, labelsFile: await list([""]) })).rejects.toThrow(/is empty$/);
  });

  it("are a share of each class, a smaller one within a larger one", async () => {
    const root = await folderOf(asClassFolders(set));
    const chosen = async (labelledShare: number) => {
      const { pictures } = await packed(root, { labelledShare });
      const training = pictures.filter(({ split, labelled }) => split === "train" && labelled);
      for (const wnid of wnids)
        expect(training.filter(({ className }) => className === wnid).length).toBe(
          Math.max(1, Math.round(6 * labelledShare)),
        );
      expect(pictures.every(({ split, labelled }) => split === "train" || labelled)).toBe(true);
      return training.map(({ hash }) => hash);
    };
    const [few, half] = [await chosen(0.01), await chosen(0.5)];
    expect(half).toEqual(expect.arrayContaining(few));
  });
});
