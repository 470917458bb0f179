import { join } from "node:path";
import { ClassesDiffer, LabelsUnusable, MixedLayout, OneClassOnly } from "./errors.ts";
import type { FolderContents, FoundFile } from "./found-file.ts";
import { findGroundTruth, groundTruthRemedy } from "./ground-truth.ts";
import type { Split } from "./pack-index.ts";
import type { FoundEntry } from "./walk-folder.ts";

/** Folder names that prescribe a split. A validation folder without a test folder is the test, as ImageNet's is used. */
const splitFolders: Readonly<Record<string, "train" | "validation" | "test">> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};

/** How pictures lie in their folder. */
export interface Layout extends Pick<FolderContents, "classes" | "splits" | "prescribed" | "files"> {
  /** Pictures of a test without labels, which are left out. */
  readonly unlabelled: number;
  /** Whether the classes of the validation pictures came from a list. */
  readonly fromList: boolean;
}

/**
 * Reads classes and split off the names of pictures: `<class>/...`, `{train,val,test}/<class>/...`, or none. Flat validation pictures
 * beside class folders for training, as ImageNet has them, get their classes from a list in the folder ({@link findGroundTruth}).
 *
 * @throws OneClassOnly ClassesDiffer MixedLayout LabelsUnusable
 */
export async function layoutOf(folder: string, entries: readonly FoundEntry[]): Promise<Layout> {
  const tops = new Set(entries.map(({ name }) => firstPart(name)));
  const whole = { splits: [], prescribed: null, unlabelled: 0, fromList: false };
  if (tops.has("")) {
    const beside = entries.find(({ name }) => firstPart(name) === "") as FoundEntry;
    if (tops.size > 1) throw mixed(folder, beside.name);
    return { ...whole, classes: [], files: entries.map((entry) => ({ ...entry, className: null, split: null })) };
  }
  // A training part alone is split like any other folder of classes.
  const [only] = tops.size === 1 ? [...tops] : [];
  const within = only !== undefined && splitFolders[only.toLowerCase()] === "train" ? `${only}/` : "";
  if (within !== "" && entries.every(({ name }) => firstPart(name.slice(within.length)) !== "")) {
    const files = entries.map((entry) => ({
      ...entry,
      className: firstPart(entry.name.slice(within.length)),
      split: null,
    }));
    return { ...whole, classes: classesOf(folder, files), files };
  }
  const words = [...tops].map((top) => splitFolders[top.toLowerCase()]);
  if (tops.size === 1 || !words.includes("train") || words.includes(undefined)) {
    checkClassNames(folder, entries, [...tops]);
    const files = entries.map((entry) => ({ ...entry, className: firstPart(entry.name), split: null }));
    return { ...whole, classes: classesOf(folder, files), files };
  }
  return splitLayout(folder, entries, [...tops]);
}

/**
 * Checks that no folder among several that are taken for classes is part of a split: it is called like one, and has folders itself.
 *
 * @throws MixedLayout
 */
function checkClassNames(folder: string, entries: readonly FoundEntry[], tops: readonly string[]): void {
  const parts = tops.filter(
    (top) =>
      splitFolders[top.toLowerCase()] !== undefined &&
      entries.some(({ name }) => firstPart(name) === top && firstPart(name.slice(top.length + 1)) !== ""),
  );
  if (tops.length === 1 || parts.length === 0) return;
  const beside = tops.find((top) => splitFolders[top.toLowerCase()] === undefined);
  const lack = beside === undefined ? "and no folder train" : `and beside them ${beside}`;
  throw new MixedLayout(
    `${folder} has ${parts.join(", ")} with folders inside, as the parts of a split have, ${lack}: classes, or a split?`,
    {
      path: folder,
      remedy:
        "For a split, leave only train, val and test in the folder, train among them. A class that is called like one of these must have no folders inside.",
    },
  );
}

async function splitLayout(folder: string, entries: readonly FoundEntry[], tops: readonly string[]): Promise<Layout> {
  const placed = entries.map((entry) => {
    const top = firstPart(entry.name);
    const className = firstPart(entry.name.slice(top.length + 1)) || null;
    return { ...entry, className, split: splitFolders[top.toLowerCase()] as Split };
  });
  const isFlat = (split: Split) => placed.every((file) => file.split !== split || file.className === null);
  const hasClasses = !isFlat("train");
  // ImageNet's test pictures are published without labels: nothing can be measured with them.
  const kept = hasClasses && isFlat("test") ? placed.filter(({ split }) => split !== "test") : placed;
  const truth = hasClasses && isFlat("validation") ? await labelFlat(folder, kept) : null;
  const hasTest = kept.some(({ split }) => split === "test");
  const files: FoundFile[] = kept.map((file) => ({
    ...file,
    className: truth?.classOf.get(file.name) ?? file.className,
    split: file.split === "validation" && !hasTest ? "test" : file.split,
  }));
  const used = tops.filter((top) => kept.length === placed.length || splitFolders[top.toLowerCase()] !== "test");
  return {
    classes: classesOf(folder, files),
    splits: [...new Set(files.flatMap(({ split }) => split ?? []))],
    prescribed: inWords(used, hasTest, truth?.source ?? null),
    files,
    unlabelled: placed.length - kept.length,
    fromList: truth !== null,
  };
}

function inWords(tops: readonly string[], hasTest: boolean, source: string | null): string {
  const validation = tops.find((top) => splitFolders[top.toLowerCase()] === "validation");
  const notes = [
    ...(validation !== undefined && !hasTest ? [`${validation} is the test`] : []),
    ...(source !== null ? [`classes of ${validation} by ${source}`] : []),
  ];
  const folders = tops
    .toSorted()
    .join(", ")
    .replace(/, ([^,]*)$/, " and $1");
  return `folders ${folders}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`;
}

/** The classes of validation pictures that lie in no class folders; null when there are no such pictures. */
async function labelFlat(
  folder: string,
  files: readonly FoundFile[],
): Promise<{ source: string; classOf: Map<string, string> } | null> {
  const names = files.flatMap(({ name, split }) => (split === "validation" ? [name] : []));
  if (names.length === 0) return null;
  const truth = await findGroundTruth(folder);
  if (truth === null)
    throw new LabelsUnusable(
      `in ${folder} the ${names.length} validation pictures lie in no class folders, and nothing says their classes`,
      { path: folder, remedy: groundTruthRemedy },
    );
  const classes = truth.classesOf(names);
  return { source: truth.source, classOf: new Map(names.map((name, at) => [name, classes[at] as string])) };
}

/** The folder that a name starts with; empty for a file of the folder itself. */
function firstPart(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? "" : name.slice(0, slash);
}

function classesOf(folder: string, files: readonly FoundFile[]): string[] {
  const classes = [...new Set(files.flatMap(({ className }) => className ?? []))].sort();
  if (classes.length === 0) return [];
  const beside = files.find(({ className }) => className === null);
  if (beside !== undefined) throw mixed(folder, beside.name);
  checkClasses(folder, classes, files);
  return classes;
}

/**
 * Checks that there are several classes, and that each split has all of them.
 *
 * @throws OneClassOnly ClassesDiffer
 */
export function checkClasses(folder: string, classes: readonly string[], files: readonly FoundFile[]): void {
  const here = new Map<Split | null, Set<string>>();
  for (const { split, className } of files) {
    const found = here.get(split) ?? new Set();
    if (className !== null) found.add(className);
    here.set(split, found);
  }
  const lacks = [...here].flatMap(([split, found]) => {
    const lacking = classes.filter((name) => !found.has(name));
    return lacking.length === 0 ? [] : [{ split: split as Split, lacking }];
  });
  if (lacks.length > 0) throw differ(folder, lacks);
  if (classes.length === 1) throw oneClass(folder, classes[0] as string);
}

function mixed(folder: string, beside: string): MixedLayout {
  return new MixedLayout(`${folder} has pictures beside its class folders, for example ${beside}`, {
    path: folder,
    remedy: "Put every picture into the folder of its class, or all pictures into one folder without others.",
  });
}

function oneClass(folder: string, name: string): OneClassOnly {
  return new OneClassOnly(`${folder} has one class only, ${name}`, {
    path: folder,
    remedy: `Add a folder for a second class, or train without classes with --data ${join(folder, name)}.`,
  });
}

function differ(folder: string, lacks: readonly { split: Split; lacking: readonly string[] }[]): ClassesDiffer {
  const words = lacks.map(({ split, lacking }) => {
    const named = lacking.slice(0, 5).join(", ") + (lacking.length > 5 ? ` and ${lacking.length - 5} more` : "");
    return `the pictures for ${split} lack ${lacking.length === 1 ? "the class" : "the classes"} ${named}`;
  });
  return new ClassesDiffer(`in ${folder} ${words.join("; ")}`, {
    path: folder,
    remedy: "Give every class a folder with pictures in each part of the split, named alike.",
  });
}
