import { ClassTooSmall, TooFewPictures } from "./errors.ts";
import type { Split, SplitDefinition } from "./pack-index.ts";

/** Fewest different pictures of a class, or of a folder without classes, where the split is ours: 3 to learn from, 1 and 1 to judge by. */
const FEWEST = 5;

/** What the split is made from. */
export interface SplitFile {
  /** SHA-256 of its bytes. */
  readonly hash: string;
  readonly className: string | null;
  /** What the folder says; null: nothing. */
  readonly split: Split | null;
}

/** Shares of the split, `data.folder` of a recipe. */
export interface SplitShares {
  /** Of each class, where the folder has no test pictures of its own. */
  readonly testShare: number;
  /** Of what is not test, where the folder has no validation pictures of its own. */
  readonly validationShare: number;
}

/** What byte-equal files were found. */
export interface Copies {
  files: number;
  acrossSplits: number;
  acrossClasses: number;
}

/**
 * Says for each file whether it trains, validates or tests. Where the folder does not say, the contents decide: within each class the
 * different pictures are taken in the order of their SHA-256, the first `testShare` of them for the test, `validationShare` of the rest
 * for validation, at least one each. So byte copies fall on one side, the shares hold in each class, and the order of the files, their
 * names and the seed do not matter. A picture that lies in several classes counts for the first.
 *
 * Copies across a split that the folder prescribes are left where they are, and counted.
 *
 * @throws ClassTooSmall TooFewPictures
 */
export function assignSplits(
  { root, classes }: { readonly root: string; readonly classes: readonly string[] },
  files: readonly SplitFile[],
  { testShare, validationShare }: SplitShares,
): { splits: Split[]; copies: Copies } {
  const has = new Set(files.map(({ split }) => split));
  const prescribed = has.has("test") || has.has("validation");
  const needed = prescribed ? (has.has("validation") ? 1 : 2) : FEWEST;
  const isFree = ({ split }: SplitFile) => split === null || split === "train";
  const decided = new Map<string, Split>();
  for (const [className, hashes] of byClass(classes, files.filter(isFree))) {
    if (hashes.length < needed) throw tooSmall(root, className, hashes.length, prescribed, needed);
    const test = prescribed ? 0 : Math.max(1, Math.round(hashes.length * testShare));
    const validation = has.has("validation") ? 0 : Math.max(1, Math.round((hashes.length - test) * validationShare));
    hashes.forEach((hash, rank) => {
      decided.set(hash, rank < test ? "test" : rank < test + validation ? "validation" : "train");
    });
  }
  const splits = files.map((file) => (isFree(file) ? (decided.get(file.hash) as Split) : (file.split as Split)));
  return { splits, copies: countCopies(files, splits) };
}

/**
 * How {@link assignSplits} makes the split of files, in words.
 *
 * @param prescribed how the source prescribes a split; null: it does not
 */
export function splitDefinition(
  prescribed: string | null,
  files: readonly SplitFile[],
  { testShare, validationShare }: SplitShares,
): SplitDefinition {
  const has = new Set(files.map(({ split }) => split));
  const percent = (share: number) => `${Number((100 * share).toFixed(2))} %`;
  const byHash = "by the order of the contents' SHA-256 within each class, byte copies together";
  if (prescribed === null || !(has.has("test") || has.has("validation"))) {
    const text = `${percent(testShare)} of each class for the test and ${percent(validationShare)} of the rest for validation, ${byHash}`;
    return { kind: "content-hash", text };
  }
  if (has.has("validation")) return { kind: "folders", text: prescribed };
  const text = `${prescribed}; ${percent(validationShare)} of each class's training pictures for validation, ${byHash}`;
  return { kind: "both", text };
}

/** The different contents of each class, sorted; each content is counted for its first class only. */
function byClass(names: readonly string[], files: readonly SplitFile[]): Map<string | null, string[]> {
  const classes = new Map<string | null, string[]>((names.length === 0 ? [null] : names).map((name) => [name, []]));
  const owner = new Map<string, string | null>();
  for (const { hash, className } of files) {
    const before = owner.get(hash);
    if (before === undefined || (before !== null && className !== null && className < before))
      owner.set(hash, className);
  }
  for (const [hash, className] of owner) classes.get(className)?.push(hash);
  for (const hashes of classes.values()) hashes.sort();
  return classes;
}

function countCopies(files: readonly SplitFile[], splits: readonly Split[]): Copies {
  const first = new Map<string, { split: Split; className: string | null }>();
  const copies: Copies = { files: 0, acrossSplits: 0, acrossClasses: 0 };
  files.forEach(({ hash, className }, at) => {
    const split = splits[at] as Split;
    const before = first.get(hash);
    if (before === undefined) first.set(hash, { split, className });
    else {
      copies.files++;
      if (before.split !== split) copies.acrossSplits++;
      if (before.className !== className) copies.acrossClasses++;
    }
  });
  return copies;
}

function tooSmall(
  folder: string,
  className: string | null,
  count: number,
  prescribed: boolean,
  needed: number,
): ClassTooSmall | TooFewPictures {
  const has = `${count} different ${count === 1 ? "picture" : "pictures"}`;
  if (className === null) {
    return new TooFewPictures(`${folder} has ${has} to train with, and needs at least ${needed}`, {
      path: folder,
      remedy: "Add pictures; a hundred or more make sense.",
    });
  }
  return new ClassTooSmall(
    `the class ${className} has ${has}${prescribed ? " to train with" : ""}, and needs at least ${needed}`,
    {
      path: `${folder}/${className}`,
      remedy: "Add pictures to it, or take the folder away.",
    },
  );
}
