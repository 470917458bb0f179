import { writeFile } from "node:fs/promises";
import { z } from "zod";
import { plainSummary, summaryDocument, summaryText } from "../data/data-summary.ts";
import { type OpenedPictures, openPictures } from "../data/opened-pictures.ts";
import { pictureSheet } from "../data/picture-sheet.ts";
import { encodePng } from "../masks/picture.ts";
import type { Answer } from "../output.ts";
import { Display } from "../run/display.ts";
import { table } from "../table.ts";
import { UnwritableFileError } from "../unwritable-file.ts";

/** Pictures of the index that are printed. */
const SHOWN = 5;

/** The document of `peco data inspect --json`. */
export const dataInspectDocument = z.object({
  artifact: z.string().nullable().describe("digest of packed pictures; null for a folder"),
  folder: z.string().nullable(),
  digest: z.string().nullable().describe("what identifies a folder"),
  ...summaryDocument,
  index: z
    .array(
      z.object({
        name: z.string(),
        hash: z.string().describe("SHA-256 of the file"),
        label: z.int().nullable(),
        split: z.string(),
        labelled: z.boolean(),
      }),
    )
    .describe("every picture, in the pack's order"),
  sheet: z
    .object({ file: z.string(), pictures: z.array(z.string()) })
    .nullable()
    .describe("the picture that --sheet wrote, and the names of those on it, row by row"),
});

/** The words of `peco data inspect`, as typed. */
export interface DataInspectOptions {
  readonly what: string;
  readonly recipe: string;
  readonly set?: string[];
  readonly sheet?: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** Says what a folder or an artifact of packed pictures holds; nothing is packed. */
export async function dataInspectCommand(options: DataInspectOptions): Promise<Answer> {
  await using opened = await openPictures(options.what, options, new Display());
  const { artifact, folder, digest, summary } = opened;
  const document: z.infer<typeof dataInspectDocument> = {
    artifact,
    folder,
    digest,
    ...plainSummary(summary),
    index: options.json === true ? [...opened.table] : [],
    sheet: options.sheet === undefined ? null : await writeSheet(opened, options.sheet),
  };
  const head = artifact === null ? `${folder}\ndigest ${digest}` : artifact;
  const sheet =
    document.sheet === null ? [] : ["", `${document.sheet.file}: ${document.sheet.pictures.length} pictures`];
  return {
    document,
    text: [head, summaryText(summary, { decoded: artifact !== null }), "", indexText(opened), ...sheet].join("\n"),
  };
}

function indexText({ table: pictures, summary: { classes } }: OpenedPictures): string {
  const rows = Array.from({ length: Math.min(SHOWN, pictures.length) }, (_, place) => {
    const { name, hash, label, split, labelled } = pictures.at(place);
    const className = label === null ? "" : (classes[label]?.name ?? "");
    return [hash.slice(0, 12), split, className, labelled ? "" : "not used", name];
  });
  const more = pictures.length > SHOWN ? `\nand ${pictures.length - SHOWN} more, which --json lists` : "";
  return table(["sha256", "split", "class", "label", "name"], rows) + more;
}

async function writeSheet(opened: OpenedPictures, file: string): Promise<{ file: string; pictures: string[] }> {
  const { picture, names } = await pictureSheet(opened);
  const png = await encodePng({ ...picture });
  try {
    await writeFile(file, png);
  } catch (error) {
    throw new UnwritableFileError("--sheet", file, (error as Error).message);
  }
  return { file, pictures: [...names] };
}
