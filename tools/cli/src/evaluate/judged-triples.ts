import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import {
  CorruptPicture,
  centerCrop,
  decodeWhole,
  FolderUnusable,
  LabelsUnusable,
  resizeShorterSide,
  UndecodablePicture,
} from "@peco/data";

/** Side to which pictures are brought before anything else, as LPIPS does; BAPPS has them so. */
export const PATCH = 64;

/** A set of judged triples: a folder with `ref`, `p0`, `p1` and `judge`. */
export interface JudgedSet {
  /** Path inside the folder that was given; its own name where it is that folder. */
  readonly name: string;
  readonly folder: string;
  /** File names without their endings, sorted. */
  readonly triples: readonly string[];
  /** Ending of each triple's pictures, by folder. */
  readonly endings: Readonly<Record<(typeof PICTURES)[number], ReadonlyMap<string, string>>>;
}

const PICTURES = ["ref", "p0", "p1"] as const;

/**
 * The sets of judged triples in BAPPS's layout in a folder, or in folders inside it, by sorted path.
 *
 * @throws FolderUnusable when there is none
 * @throws LabelsUnusable when pictures or judgements of a triple are missing; names them
 */
export async function findJudgedSets(root: string): Promise<JudgedSet[]> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new FolderUnusable(
        `${root} cannot be read as a folder (${cause.code})`,
        { path: root, remedy: "Give the folder of BAPPS's two-alternative sets, for example dataset/2afc/val." },
        cause,
      );
    },
  );
  const judged = entries
    .filter((entry) => entry.isDirectory() && entry.name === "judge")
    .map(({ parentPath }) => parentPath)
    .sort();
  if (judged.length === 0) {
    throw new FolderUnusable(`${root} holds no folder with ref, p0, p1 and judge`, {
      path: root,
      remedy: "Give the folder of BAPPS's two-alternative sets, for example dataset/2afc/val.",
    });
  }
  return Promise.all(judged.map((folder) => readSet(root, folder)));
}

async function readSet(root: string, folder: string): Promise<JudgedSet> {
  const stems = async (part: string): Promise<Map<string, string>> => {
    const files = await readdir(join(folder, part)).catch(() => [] as string[]);
    const visible = files.filter((file) => !file.startsWith(".") && file.includes("."));
    return new Map(visible.map((file) => [file.slice(0, file.lastIndexOf(".")), file.slice(file.lastIndexOf("."))]));
  };
  const [ref, p0, p1, judge] = await Promise.all([stems("ref"), stems("p0"), stems("p1"), stems("judge")]);
  const endings = { ref, p0, p1 };
  const parts = { ...endings, judge };
  const all = [...new Set(Object.values(parts).flatMap((part) => [...part.keys()]))].sort();
  for (const [part, known] of Object.entries(parts)) {
    const missing = all.filter((stem) => !known.has(stem));
    if (missing.length === 0) continue;
    const shown = missing.slice(0, 5).join(", ");
    throw new LabelsUnusable(
      `${join(folder, part)} lacks ${missing.length === 1 ? "a file" : `${missing.length} files`} that the others have: ${shown}${missing.length > 5 ? ", ..." : ""}`,
      { path: join(folder, part), remedy: "Bring ref, p0, p1 and judge to the same names." },
    );
  }
  const inside = relative(root, folder).split(sep).join("/");
  return {
    name: inside === "" ? (folder.split(sep).at(-1) as string) : inside,
    folder,
    triples: all,
    endings,
  };
}

/** A triple's pictures, `uint8 [64, 64, 3]`, and the share of judges that prefer the second alternative. */
export interface JudgedTriple {
  readonly ref: Uint8Array;
  readonly p0: Uint8Array;
  readonly p1: Uint8Array;
  readonly judge: number;
}

/** Reads one triple. @throws CorruptPicture LabelsUnusable */
export async function readTriple({ folder, endings }: JudgedSet, stem: string): Promise<JudgedTriple> {
  const [ref, p0, p1] = await Promise.all(
    PICTURES.map((part) => readPatch(join(folder, part, `${stem}${endings[part].get(stem)}`))),
  );
  const judge = await readJudgement(join(folder, "judge", `${stem}.npy`));
  return { ref: ref as Uint8Array, p0: p0 as Uint8Array, p1: p1 as Uint8Array, judge };
}

async function readPatch(path: string): Promise<Uint8Array> {
  try {
    const picture = await decodeWhole(await readFile(path));
    const out = new Uint8Array(PATCH * PATCH * 3);
    centerCrop(resizeShorterSide(picture, PATCH, "bilinear"), out, PATCH);
    return out;
  } catch (cause) {
    if (!(cause instanceof UndecodablePicture)) throw cause;
    throw new CorruptPicture(`${path} ${cause.message}`, { path, remedy: "Fetch the set again." }, cause);
  }
}

/** The one number of a NumPy file, from 0 to 1. */
async function readJudgement(path: string): Promise<number> {
  const bytes = await readFile(path).catch(() => new Uint8Array());
  const value = onlyNumber(bytes);
  if (value !== null && value >= 0 && value <= 1) return value;
  throw new LabelsUnusable(`${path} holds no share of judges from 0 to 1`, {
    path,
    remedy: "A judgement is a NumPy file with one number: the share that prefers p1.",
  });
}

/** The number in a NumPy file of one element; null for anything else. */
export function onlyNumber(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length > 12 && Buffer.from(bytes.subarray(0, 6)).toString("latin1") === "\x93NUMPY";
  if (!magic) return null;
  const [start, length] = view.getUint8(6) === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
  const descriptor = /'descr': '([^']+)'/.exec(header)?.[1] ?? "";
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "2").split(",").filter((text) => text.trim() !== "");
  const read = READERS[descriptor];
  const size = Number(descriptor.slice(-1));
  if (read === undefined || shape.some((text) => Number(text) !== 1) || bytes.length !== start + length + size)
    return null;
  return read(view, start + length);
}

/** How a number of each of NumPy's types is read. */
const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  "<f8": (view, at) => view.getFloat64(at, true),
  "<f4": (view, at) => view.getFloat32(at, true),
  "<i8": (view, at) => Number(view.getBigInt64(at, true)),
  "|u1": (view, at) => view.getUint8(at),
};
