import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { generatedClasses } from "./generated-picture.ts";
import type { GeneratedJob, GeneratedPart } from "./generated-worker.ts";
import { type Split, splitName } from "./pack-index.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Raised when the same seed gives other pictures than before. */
const GENERATOR_VERSION = 1;
/** Pictures that a thread draws at once: few enough for progress to be seen and threads to end together. */
const CHUNK = 64;

/** How large a generated set is: `data.generated` of a recipe, the side of its pictures and its seed. */
export interface GeneratedOptions {
  readonly seed: number | bigint;
  readonly side: number;
  readonly train: number;
  /** The first so many training pictures carry labels. */
  readonly labelled: number;
  readonly validation: number;
  readonly test: number;
  /** `false`: one chroma for all pictures. @default true */
  readonly colourNuisance?: boolean;
}

const box = z.tuple([z.int(), z.int(), z.int(), z.int()]);

/** `annotations.json` of a generated set: what is known about each picture, in the order in which they were drawn. */
const annotations = z.strictObject({
  format: z.literal(1),
  generator: z.strictObject({
    version: z.int(),
    seed: z.string(),
    side: z.int(),
    train: z.int(),
    labelled: z.int(),
    validation: z.int(),
    test: z.int(),
    colourNuisance: z.boolean(),
  }),
  classes: z.array(z.string()),
  pictures: z.array(
    z.strictObject({
      name: z.string(),
      label: z.int(),
      split: splitName,
      labelled: z.boolean(),
      /** Left, top, right, bottom in pixels; right and bottom exclusive. */
      box,
    }),
  ),
});

/** A generated set as it lies in its folder. */
export type GeneratedSet = z.infer<typeof annotations>;

/**
 * Draws the generated set and writes it into a folder: `{train,validation,test}/<class>/<number>.png`, `masks.npy` (`uint8 [pictures,
 * side, side]`) and, last, `annotations.json`. A set that is there whole is left as it is; a part of one is written anew.
 */
export async function writeGeneratedSet(
  folder: string,
  options: GeneratedOptions,
  run: { threads?: number; signal?: AbortSignal; onProgress?: (done: number, of: number) => void } = {},
): Promise<GeneratedSet> {
  const generator = { version: GENERATOR_VERSION, colourNuisance: true, ...options, seed: String(options.seed) };
  const found = await readGeneratedSet(folder);
  if (
    found !== null &&
    JSON.stringify(found.generator) === JSON.stringify(annotations.shape.generator.parse(generator))
  )
    return found;
  await rm(join(folder, "annotations.json"), { force: true });
  const splits: [Split, number][] = [
    ["train", options.train],
    ["validation", options.validation],
    ["test", options.test],
  ];
  for (const [split] of splits) {
    await rm(join(folder, split), { recursive: true, force: true });
    for (const name of generatedClasses) await mkdir(join(folder, split, name), { recursive: true });
  }
  const parts = await drawAll(folder, options, splits, run);
  const set = annotations.parse({
    format: 1,
    generator,
    classes: generatedClasses,
    pictures: parts.flatMap(({ split, from, part }) =>
      part.names.map((name, at) => ({
        name,
        label: part.labels[at],
        split,
        labelled: split !== "train" || from + at < options.labelled,
        box: part.boxes[at],
      })),
    ),
  });
  const masks = Buffer.concat(parts.map(({ part }) => part.masks));
  await writeFile(
    join(folder, "masks.npy"),
    Buffer.concat([npyHeader([set.pictures.length, options.side, options.side]), masks]),
  );
  // The annotations say that the set is whole, so they appear last and at once.
  await writeFile(join(folder, "annotations.json.part"), JSON.stringify(set));
  await rename(join(folder, "annotations.json.part"), join(folder, "annotations.json"));
  return set;
}

/** What lies in the folder of a generated set, or null when there is none or not a whole one. */
export async function readGeneratedSet(folder: string): Promise<GeneratedSet | null> {
  try {
    return annotations.parse(JSON.parse(await readFile(join(folder, "annotations.json"), "utf8")));
  } catch {
    return null;
  }
}

async function drawAll(
  folder: string,
  { seed, side, train, validation, test, colourNuisance = true }: GeneratedOptions,
  splits: [Split, number][],
  {
    threads = 2,
    signal,
    onProgress,
  }: { threads?: number; signal?: AbortSignal; onProgress?: (done: number, of: number) => void },
): Promise<{ split: Split; from: number; part: GeneratedPart }[]> {
  const pool = new WorkerPool<GeneratedJob, GeneratedPart>(new URL("./generated-worker.ts", import.meta.url), threads);
  const of = train + validation + test;
  let done = 0;
  const draw = async (split: Split, from: number, to: number) => {
    signal?.throwIfAborted();
    const part = await pool.run({ folder, seed, side, colourNuisance, split, from, to });
    signal?.throwIfAborted();
    done += to - from;
    onProgress?.(done, of);
    return { split, from, part };
  };
  try {
    return await Promise.all(
      splits.flatMap(([split, count]) =>
        Array.from({ length: Math.ceil(count / CHUNK) }, (_, at) =>
          draw(split, at * CHUNK, Math.min(count, (at + 1) * CHUNK)),
        ),
      ),
    );
  } finally {
    await pool.close();
  }
}

/** The header of a NumPy file of `uint8` in C order, version 1.0. */
function npyHeader(shape: readonly number[]): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, " ");
  header.set([0x93, ...Buffer.from("NUMPY"), 1, 0]);
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10, "latin1");
  header[length - 1] = 0x0a;
  return header;
}
