import { type Classifier, classify } from "@peco/models";
import { z } from "zod";
import { askNetwork } from "../networks/ask-network.ts";
import { loadNetwork } from "../networks/load-network.ts";
import type { Network } from "../networks/network.ts";
import { type AskOptions, resizes } from "../networks/options.ts";
import { listPictures } from "../networks/pictures.ts";
import { NpyRows } from "../npy.ts";
import type { Answer } from "../output.ts";
import { type Cell, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

/** Classes that are shown for a picture. */
const SHOWN_CLASSES = 5;
/** Pictures that are shown in a terminal. */
const SHOWN_PICTURES = 40;

/** The document of `peco predict --json`. */
export const predictDocument = z.object({
  network: z.string(),
  classes: z.int(),
  notes: z.array(z.string()),
  pictures: z
    .array(
      z.object({
        name: z.string(),
        top: z
          .array(
            z.object({
              index: z.int(),
              class: z.string().nullable().describe("null where names are not known"),
              score: z.number().describe("softmax of the logits"),
            }),
          )
          .describe("the five highest"),
      }),
    )
    .describe("sorted by name: the rows of the NumPy file"),
  skipped: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe("pictures that could not be used; their rows are NaN, and the exit code is 65"),
  npy: z.string().nullable().describe("float32 [pictures, classes]: logits"),
});

type Document = z.infer<typeof predictDocument>;

/** Names the classes of a folder's pictures: by one of timm's models with weights from a file, or by an artifact. */
export async function predictCommand(options: AskOptions & { npy?: string }): Promise<Answer> {
  const resize = resizes(options);
  const pictures = await listPictures(options.images);
  const network = await loadNetwork(options);
  const { role, outputs, vit, pool } = network.architecture;
  if (role !== "classifier") {
    throw new UsageError(
      `${network.name} names no classes`,
      "Give a classifier, or ask for its features with `./peco features`.",
    );
  }
  const document: Document = {
    network: network.name,
    classes: outputs,
    notes: [...network.notes],
    pictures: [],
    skipped: [],
    npy: options.npy ?? null,
  };
  await using npy = options.npy === undefined ? null : await NpyRows.create(options.npy, [pictures.length, outputs]);
  const unusable = new Float32Array(outputs).fill(Number.NaN);
  document.skipped = await askNetwork(
    network,
    pictures,
    {
      word: "predict",
      resize,
      batch: options.batch,
      compute: (tree, images) => classify(tree as Classifier, vit, images, { pool }),
    },
    async ({ name }, row) => {
      document.pictures.push({ name, top: row === null ? [] : best(row, network) });
      await npy?.append(row ?? unusable);
    },
  );
  await npy?.finish();
  return {
    document,
    text: options.json === true ? "" : predictText(document),
    exitCode: document.skipped.length > 0 ? 65 : 0,
  };
}

/** The classes of the highest logits with their share of the softmax; the lower number first among equals. */
function best(logits: Float32Array, { classes }: Network): Document["pictures"][number]["top"] {
  const highest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, value) => sum + Math.exp(value - highest), 0);
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  return order.slice(0, SHOWN_CLASSES).map((index) => ({
    index,
    class: classes?.[index] ?? null,
    score: Math.exp((logits[index] as number) - highest) / total,
  }));
}

function predictText({ network, classes, notes, pictures, skipped, npy }: Document): string {
  const usable = pictures.filter(({ top }) => top.length > 0);
  const shown = npy === null ? usable : usable.slice(0, SHOWN_PICTURES);
  const most = Math.min(SHOWN_CLASSES, classes);
  const rows = shown.map(({ name, top }): Cell[] => [
    name,
    ...top.flatMap((each): Cell[] => [
      each.class ?? String(each.index),
      { right: `${(100 * each.score).toFixed(1)} %` },
    ]),
  ]);
  const heading = [
    "picture",
    ...Array.from({ length: most }, (_, i) => [i === 0 ? "class" : `${i + 1}.`, "score"]).flat(),
  ];
  return [
    `${network}: ${classes} classes`,
    ...notes,
    "",
    ...(rows.length > 0 ? [table(heading, rows)] : []),
    ...(shown.length < usable.length ? [`and ${usable.length - shown.length} more`] : []),
    ...skipped.map(({ name, reason }) => `${name} ${reason}${npy === null ? "" : ": its row is NaN"}`),
    ...(npy === null ? [] : [`${npy}: float32 [${pictures.length}, ${classes}], logits by sorted name`]),
  ].join("\n");
}
