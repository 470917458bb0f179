import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FolderUnusable, LabelsUnusable } from "@peco/data";
import { type Corruption, corruptionError, corruptions, meanCorruptionError } from "@peco/metrics";
import { type Classifier, classify } from "@peco/models";
import { z } from "zod";
import { classPictures, foldersIn, type LabelledPicture } from "../evaluate/class-folders.ts";
import { askNetwork, type SkippedPicture } from "../networks/ask-network.ts";
import { loadNetwork, type NetworkOptions } from "../networks/load-network.ts";
import type { Network } from "../networks/network.ts";
import type { Answer } from "../output.ts";
import { type Cell, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

/** Sets whose labels are known, and plain class folders. */
export const robustnessSets = ["imagenet-a", "imagenet-r", "imagenet-c", "imagefolder"] as const;
/** Classes of ImageNet-A and of ImageNet-R. */
const FEW = 200;
/** Pixels on a side of ImageNet-C's pictures. */
const CORRUPTED = 224;
const SEVERITIES = ["1", "2", "3", "4", "5"];

const counted = z.object({
  pictures: z.int(),
  top1: z.number(),
  top5: z.number(),
});

/** The document of `peco evaluate robustness --json`. */
export const evaluateRobustnessDocument = z.object({
  network: z.string(),
  set: z.enum(robustnessSets),
  classes: z.int().describe("among which the network chooses: of ImageNet-A and -R, those of the folders alone"),
  notes: z.array(z.string()),
  result: counted.nullable().describe("all pictures together; null for imagenet-c"),
  corruptions: z
    .array(
      z.object({
        name: z.string(),
        error: z.array(z.number()).describe("top-1 error at severities 1 to 5"),
        corruptionError: z.number().describe("mean error over the mean error of AlexNet"),
      }),
    )
    .describe("of imagenet-c, those that are whole"),
  meanCorruptionError: z.number().nullable().describe("null where one of the fifteen corruptions is not there"),
  skipped: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe("pictures that could not be used; the exit code is 65"),
});
type Document = z.infer<typeof evaluateRobustnessDocument>;

/** The words of `peco evaluate robustness`, as typed. */
export interface RobustnessOptions extends NetworkOptions {
  readonly set: (typeof robustnessSets)[number];
  readonly data: string;
  readonly classes?: string;
  readonly batch: number;
  readonly json?: boolean;
}

/** What a classifier names right of pictures that are harder than those it knows: ImageNet-A, -R and -C, or any class folders. */
export async function evaluateRobustnessCommand(options: RobustnessOptions): Promise<Answer> {
  const network = await loadNetwork(options);
  if (network.architecture.role !== "classifier") {
    throw new UsageError(`${network.name} names no classes`, "Give a classifier.");
  }
  const classes = await classNames(network, options);
  const document: Document = {
    network: network.name,
    set: options.set,
    classes: classes.length,
    notes: [...network.notes],
    result: null,
    corruptions: [],
    meanCorruptionError: null,
    skipped: [],
  };
  if (options.set === "imagenet-c") await measureCorruptions(document, network, classes, options);
  else await measureFolder(document, network, classes, options);
  return {
    document,
    text: options.json === true ? "" : robustnessText(document),
    exitCode: document.skipped.length > 0 ? 65 : 0,
  };
}

/** Names of the network's outputs, in their order. */
async function classNames(network: Network, { classes: file }: RobustnessOptions): Promise<readonly string[]> {
  const { outputs } = network.architecture;
  if (file === undefined) {
    if (network.classes !== null) return network.classes;
    throw new UsageError(
      `the ${outputs} outputs of ${network.name} have no names`,
      "Give --classes FILE with the name of each output (for ImageNet its wnid) on a line, in their order.",
    );
  }
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new LabelsUnusable(
      `${file} cannot be read (${cause.code})`,
      { path: file, remedy: "Give a text file." },
      cause,
    );
  });
  const names = text.split("\n").flatMap((line) => line.trim().split(/\s/)[0] || []);
  if (names.length === outputs && new Set(names).size === outputs) return names;
  throw new LabelsUnusable(`${file} names ${new Set(names).size} classes, and ${network.name} has ${outputs} outputs`, {
    path: file,
    remedy: "Name each output once, one on a line.",
  });
}

async function measureFolder(
  document: Document,
  network: Network,
  classes: readonly string[],
  options: RobustnessOptions,
) {
  const { set, data } = options;
  const { pictures, present } = await classPictures(data, classes, { all: false });
  const few = set !== "imagefolder";
  if (few && present.length !== FEW)
    document.notes.push(`${set} has ${FEW} classes, and here are ${present.length}: this is not the whole set`);
  document.classes = few ? present.length : classes.length;
  const { skipped, ...result } = await count(network, pictures, few ? present : classes.map((_, i) => i), options);
  document.result = result;
  document.skipped = skipped;
}

async function measureCorruptions(
  document: Document,
  network: Network,
  classes: readonly string[],
  options: RobustnessOptions,
) {
  const folders = await findCorruptions(options.data);
  // Their pictures are cropped already: all of them is seen, as a network of another size sees the same field smaller or larger.
  const { view } = network;
  const cropping = { ...network, view: { ...view, pack: null, middle: CORRUPTED, resize: view.size } };
  const everything = classes.map((_, i) => i);
  const errors: Partial<Record<Corruption, number>> = {};
  for (const [name, folder] of folders) {
    const severities = await foldersIn(folder);
    const missing = SEVERITIES.filter((severity) => !severities.includes(severity));
    if (missing.length > 0) {
      document.notes.push(`${name} lacks severity ${missing.join(", ")} and is left out`);
      continue;
    }
    const error = [];
    for (const severity of SEVERITIES) {
      const { pictures } = await classPictures(join(folder, severity), classes, { all: true });
      const { top1, skipped } = await count(cropping, pictures, everything, options, `${name} ${severity}`);
      error.push(1 - top1);
      document.skipped.push(...skipped.map((one) => ({ ...one, name: `${name}/${severity}/${one.name}` })));
    }
    errors[name] = corruptionError(name, error);
    document.corruptions.push({ name, error, corruptionError: errors[name] });
  }
  document.meanCorruptionError = meanCorruptionError(errors);
  const missing = corruptions.filter((name) => errors[name] === undefined);
  if (missing.length > 0)
    document.notes.push(`no mCE, which is a mean over 15 corruptions: ${missing.join(", ")} are not there`);
}

/** The folders of the known corruptions: in the folder itself, or in those of its groups (noise, blur, weather, digital). */
async function findCorruptions(data: string): Promise<Map<Corruption, string>> {
  const found = new Map<Corruption, string>();
  const known = new Set<string>(corruptions);
  for (const name of await foldersIn(data)) {
    const inside = known.has(name) ? [] : await foldersIn(join(data, name));
    for (const path of [name, ...inside.map((inner) => join(name, inner))]) {
      const own = path.split(/[\\/]/).at(-1) as Corruption;
      if (known.has(own)) found.set(own, join(data, path));
    }
  }
  if (found.size > 0)
    return new Map(corruptions.flatMap((name) => (found.has(name) ? [[name, found.get(name) as string]] : [])));
  throw new FolderUnusable(`${data} holds none of ImageNet-C's corruptions`, {
    path: data,
    remedy: `Give the folder that holds folders such as ${corruptions.slice(0, 3).join(", ")}.`,
  });
}

/** Counts pictures whose class is the best, or among the five best, of `among`. */
async function count(
  network: Network,
  pictures: readonly LabelledPicture[],
  among: readonly number[],
  { batch }: RobustnessOptions,
  word = "robustness",
): Promise<z.infer<typeof counted> & { skipped: SkippedPicture[] }> {
  const { vit, pool } = network.architecture;
  const labels = new Map(pictures.map(({ name, label }) => [name, label]));
  let [all, top1, top5] = [0, 0, 0];
  const skipped = await askNetwork(
    network,
    pictures,
    { word, resize: true, batch, compute: (tree, images) => classify(tree as Classifier, vit, images, { pool }) },
    ({ name }, row) => {
      if (row === null) return;
      const label = labels.get(name) as number;
      const own = row[label] as number;
      // of equal scores the lower class comes first
      const before = among.filter((i) => (row[i] as number) > own || (row[i] === own && i < label)).length;
      all++;
      if (before < 1) top1++;
      if (before < 5) top5++;
    },
  );
  return { pictures: all, top1: top1 / all, top5: top5 / all, skipped };
}

function robustnessText(document: Document): string {
  const { network, set, classes, notes, result, skipped } = document;
  const percent = (value: number): Cell => ({ right: `${(100 * value).toFixed(1)} %` });
  const rows = document.corruptions.map(({ name, error, corruptionError: ce }): Cell[] => [
    name,
    ...error.map(percent),
    percent(ce),
  ]);
  const mce = document.meanCorruptionError;
  return [
    `${network}: ${set}, ${classes} classes`,
    ...notes,
    "",
    ...(result === null
      ? [
          table(
            ["error at severity", ...SEVERITIES, "CE"],
            [...rows, ...(mce === null ? [] : [["mCE", ...SEVERITIES.map(() => ""), percent(mce)] as Cell[]])],
          ),
        ]
      : [
          `${result.pictures} pictures: top-1 ${(100 * result.top1).toFixed(2)} %, top-5 ${(100 * result.top5).toFixed(2)} %`,
        ]),
    ...skipped.map(({ name, reason }) => `${name} ${reason}`),
  ].join("\n");
}
