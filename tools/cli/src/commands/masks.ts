import { writeFile } from "node:fs/promises";
import { drawMask, type MaskOptions, MaskOptionsError } from "@peco/masking";
import { fold, key, stream } from "@peco/random";
import { z } from "zod";
import { contactSheet, patchPixels } from "../masks/contact-sheet.ts";
import { encodePng, readPicture } from "../masks/picture.ts";
import { drawMasks } from "../masks/terminal-drawing.ts";
import { npyOfBytes } from "../npy.ts";
import type { Answer } from "../output.ts";
import { UnwritableFileError } from "../unwritable-file.ts";
import { UsageError } from "../usage-error.ts";

/** The words of `peco masks`, as typed. */
export interface MasksOptions {
  grid: string;
  count: string;
  minBlock: string;
  form: string;
  samples: string;
  seed: string;
  npy?: string;
  png?: string;
  image?: string;
  json?: boolean;
}

/** The document of `peco masks --json`; `masked` counts the hidden patches of a mask. */
export const masksDocument = z.object({
  grid: z.object({ rows: z.int(), columns: z.int() }),
  count: z.int(),
  minBlock: z.number(),
  form: z.enum(["at-most", "exactly", "random"]),
  samples: z.int(),
  seed: z.string(),
  masked: z.object({ mean: z.number(), smallest: z.int(), largest: z.int() }),
  npy: z.string().nullable(),
  png: z.string().nullable(),
});

const MOST_BYTES = 2 ** 30;
/** Masks drawn in a terminal or on a sheet; more are only counted (or written by --npy). */
const MOST_DRAWN = { terminal: 12, sheet: 400 };

/**
 * Draws block-wise masks and writes them as `uint8 [samples, rows, columns]`, as a sheet of pictures, or into the terminal when neither
 * file is asked for. Mask number n depends on the seed and n alone. Throws {@link UsageError} for a bad option.
 */
export async function masksCommand(options: MasksOptions): Promise<Answer> {
  const { samples, seed, ...law } = parseOptions(options);
  const { rows, columns } = law;
  const masks = drawSamples(law, samples, seed);
  if (options.npy !== undefined) await writeOut("--npy", options.npy, npyOfBytes(masks, [samples, rows, columns]));
  if (options.png !== undefined) {
    const patch = patchPixels(rows, columns);
    const picture =
      options.image === undefined ? undefined : await readPicture(options.image, patch * columns, patch * rows);
    const sheet = contactSheet(masks, Math.min(samples, MOST_DRAWN.sheet), rows, columns, picture);
    await writeOut("--png", options.png, await encodePng(sheet));
  }
  const masked = countMasked(masks, samples, rows * columns);
  const document: z.infer<typeof masksDocument> = {
    grid: { rows, columns },
    count: law.count,
    minBlock: law.minBlock,
    form: law.form,
    samples,
    seed: seed.toString(),
    masked,
    npy: options.npy ?? null,
    png: options.png ?? null,
  };
  return { document, text: options.json === true ? "" : await describe(options, document, masks) };
}

function parseOptions(options: MasksOptions): Required<
  Pick<MaskOptions, "rows" | "columns" | "count" | "minBlock" | "form">
> & {
  samples: number;
  seed: bigint;
} {
  const grid = /^(\d{1,5})[x×](\d{1,5})$/i.exec(options.grid);
  if (grid === null)
    throw new UsageError(`--grid "${options.grid}" is no grid`, "Give rows x columns, for example --grid 14x14.");
  const [rows, columns] = [Number(grid[1]), Number(grid[2])];
  if (options.form !== "at-most" && options.form !== "exactly") {
    throw new UsageError(`--form "${options.form}" is not known`, "Give --form at-most or --form exactly.");
  }
  if (!/^\d{1,19}$/.test(options.seed)) {
    throw new UsageError(`--seed "${options.seed}" is no seed`, "Give a whole number from 0 with at most 19 digits.");
  }
  const samples = wholeNumber("--samples", options.samples);
  if (samples * rows * columns > MOST_BYTES) {
    throw new UsageError(
      `--samples ${samples} masks of ${rows}x${columns} are more than 1 GiB`,
      "Ask for fewer at a time, with other seeds.",
    );
  }
  const [count, minBlock] = [wholeNumber("--count", options.count), wholeNumber("--min-block", options.minBlock)];
  return { rows, columns, count, minBlock, form: options.form, samples, seed: BigInt(options.seed) };
}

function wholeNumber(option: string, text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1)
    throw new UsageError(`${option} "${text}" is no whole number from 1`, `Give a number, for example ${option} 16.`);
  return value;
}

/** The command line's words for the options of the law. */
const OPTION_OF: Record<string, string> = {
  rows: "--grid",
  columns: "--grid",
  count: "--count",
  minBlock: "--min-block",
  form: "--form",
};

function drawSamples(law: MaskOptions, samples: number, seed: bigint): Uint8Array {
  const cells = law.rows * law.columns;
  const root = fold(key(seed), "masks");
  try {
    const first = drawMask(stream(fold(root, 0)), law); // refuses a bad law before anything large is allocated
    const masks = new Uint8Array(samples * cells);
    masks.set(first);
    for (let sample = 1; sample < samples; sample++)
      masks.set(drawMask(stream(fold(root, sample)), law), sample * cells);
    return masks;
  } catch (error) {
    if (!(error instanceof MaskOptionsError)) throw error;
    throw new UsageError(error.message.replace(error.path, OPTION_OF[error.path] ?? error.path), error.remedy);
  }
}

function countMasked(
  masks: Uint8Array,
  samples: number,
  cells: number,
): { mean: number; smallest: number; largest: number } {
  let [total, smallest, largest] = [0, cells, 0];
  for (let sample = 0; sample < samples; sample++) {
    let masked = 0;
    for (let cell = sample * cells; cell < (sample + 1) * cells; cell++) masked += masks[cell] as number;
    total += masked;
    smallest = Math.min(smallest, masked);
    largest = Math.max(largest, masked);
  }
  return { mean: total / samples, smallest, largest };
}

async function writeOut(option: string, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw new UnwritableFileError(option, path, error);
  }
}

async function describe(
  options: MasksOptions,
  document: z.infer<typeof masksDocument>,
  masks: Uint8Array,
): Promise<string> {
  const { grid, samples, masked, count, form } = document;
  const share = Math.round((100 * masked.mean) / (grid.rows * grid.columns));
  const range = masked.smallest === masked.largest ? "" : `, ${masked.smallest} to ${masked.largest}`;
  const asked = `${form === "exactly" ? "exactly" : "at most"} ${count} asked`;
  const lines = [
    `${samples} ${samples === 1 ? "mask" : "masks"} of ${grid.rows}x${grid.columns}: ${masked.mean.toFixed(2)} patches hidden on average (${share} %)${range}; ${asked}`,
  ];
  if (options.npy !== undefined) lines.push(`${options.npy}: uint8 [${samples}, ${grid.rows}, ${grid.columns}]`);
  if (options.png !== undefined) {
    lines.push(
      `${options.png}: ${samples > MOST_DRAWN.sheet ? `the first ${MOST_DRAWN.sheet}` : "all"} of them as a picture`,
    );
  }
  if (options.npy !== undefined || options.png !== undefined) return lines.join("\n");
  const drawn = Math.min(samples, MOST_DRAWN.terminal);
  if (drawn < samples) lines.push(`The first ${drawn}; --npy or --png writes all.`);
  const colours = await terminalColours(options.image, grid);
  const drawing = drawMasks(masks, {
    samples: drawn,
    ...grid,
    width: process.stdout.columns ?? 100,
    ...(colours && { colours }),
  });
  return [...lines, "", drawing].join("\n");
}

/** The picture at one pixel a patch, where the terminal shows colours. */
async function terminalColours(image: string | undefined, grid: { rows: number; columns: number }) {
  if (image === undefined) return undefined;
  const colours = await readPicture(image, grid.columns, grid.rows);
  return process.stdout.isTTY && process.stdout.hasColors(2 ** 24) ? colours : undefined;
}
