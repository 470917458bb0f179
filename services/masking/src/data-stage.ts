import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BlobRef } from "@peco/artifacts";
import {
  FileChanged,
  type GeneratedSet,
  type IdentifiedFolder,
  identifyFolder,
  type PackedData,
  type PackForm,
  packFolder,
  packGenerated,
  writeGeneratedSet,
} from "@peco/data";
import type { StageContext, StageOutput } from "@peco/stage";
import { partProgress } from "./part-progress.ts";

/**
 * The stage `data`: a folder of pictures, or the generated set, becomes a `data` artifact with the blob `index.json` and, decoded,
 * `pictures.u8` (`uint8 [n, side, side, 3]`) or, encoded, `pictures.table` and the picture files in `pictures-00000.bin` and so on; of the
 * generated set also `masks.npy` and `boxes.json`, in the order of the index. The generated set's files stay in the store's folder
 * `generated`, to be looked at, and are used again by the same recipe and seed.
 *
 * A preflight packs everything, too: the stages after it need real data, and nothing here fails late.
 */
export async function dataStage(context: StageContext): Promise<StageOutput> {
  const { spec, recipe, store, emit } = context;
  const packing = recipe.data.form === "decoded" ? await pixels(context) : files(context);
  try {
    const { form } = packing;
    const made = spec.folder === null ? await generated(context, form) : await fromFolder(context, spec.folder, form);
    const blobs = {
      ...(await packing.blobs(made.packed)),
      "index.json": await store.putBlob(json(made.packed.index)),
      ...Object.fromEntries(
        await Promise.all(
          Object.entries(made.beside).map(async ([name, body]) => [name, await store.putBlob(body)] as const),
        ),
      ),
    };
    const { index, table, meta } = made.packed;
    const artifact = await store.publish({ kind: "data", blobs, inputs: {}, meta });
    emit({ kind: "artifact", artifactKind: "data", digest: artifact });
    return { artifact, metrics: { images: table.length, classes: index.classes.length, ...meta.counts } };
  } finally {
    await packing.cleanUp();
  }
}

/** Where pictures go while they are packed, and the blobs that they are then. */
interface Packing {
  readonly form: PackForm;
  blobs(packed: PackedData): Promise<Record<string, BlobRef>>;
  cleanUp(): Promise<void>;
}

/** Pixels go into a file first, which is stored when it is whole. */
async function pixels({ spec, recipe, store }: StageContext): Promise<Packing> {
  const unfinished = join(spec.store, "tmp");
  await mkdir(unfinished, { recursive: true });
  const scratch = await mkdtemp(join(unfinished, "data-"));
  const out = join(scratch, "pictures.u8");
  return {
    form: { form: "decoded", out, side: recipe.image.size },
    blobs: async () => ({ "pictures.u8": await store.putBlob(createReadStream(out)) }),
    cleanUp: () => rm(scratch, { recursive: true, force: true }),
  };
}

/** Picture files stream into the store, so that a large set is written once. */
function files({ store }: StageContext): Packing {
  const shards: Record<string, BlobRef> = {};
  const sink = async (name: string, bytes: AsyncIterable<Uint8Array>) => {
    shards[name] = await store.putBlob(bytes);
  };
  return {
    form: { form: "encoded", sink },
    blobs: async ({ table }) => ({ ...shards, "pictures.table": await store.putBlob(table.toBytes()) }),
    cleanUp: async () => undefined,
  };
}

/** What was packed, and blobs that lie beside it. */
interface Made {
  readonly packed: PackedData;
  readonly beside: Readonly<Record<string, Uint8Array | AsyncIterable<Uint8Array>>>;
}

async function generated({ spec, recipe, emit, signal }: StageContext, form: PackForm): Promise<Made> {
  const side = recipe.image.size;
  const { train, labelled, validation, test, colourNuisance } = recipe.data.generated;
  const name = `seed${spec.seed}-${side}px-${train}-${labelled}-${validation}-${test}${colourNuisance ? "" : "-one-chroma"}`;
  const folder = join(spec.store, "generated", name);
  await mkdir(folder, { recursive: true });
  const set: GeneratedSet = await writeGeneratedSet(
    folder,
    { seed: spec.seed, side, train, labelled, validation, test, colourNuisance },
    { threads: spec.threads, signal, onProgress: partProgress("draw", emit) },
  );
  const packed = await packGenerated(set, folder, form, { signal, onProgress: partProgress("pack", emit) });
  emit({ kind: "note", text: `the generated pictures lie in ${folder}` });
  const beside = {
    "masks.npy": createReadStream(join(folder, "masks.npy")),
    "boxes.json": json(set.pictures.map(({ box }) => box)),
  };
  return { packed, beside };
}

async function fromFolder({ spec, recipe, emit, signal }: StageContext, path: string, form: PackForm): Promise<Made> {
  const folder = await identifyFolder(path, {
    labelsFile: recipe.data.folder.labelsFile,
    signal,
    onProgress: partProgress("identify", emit),
  });
  checkIdentity(folder, spec.parts["inputs"]);
  const packed = await packFolder(folder, form, {
    ...recipe.data.folder,
    signal,
    onProgress: partProgress("pack", emit),
  });
  for (const text of remarks(packed)) emit({ kind: "note", text });
  return { packed, beside: {} };
}

/** The stage's key holds the digest of the folder's contents; a folder that has changed since then belongs to another key. */
function checkIdentity({ root, digest }: IdentifiedFolder, inputs: unknown): void {
  const expected = typeof inputs === "object" && inputs !== null ? Object.values(inputs) : [];
  if (expected.length === 0 || expected.includes(digest)) return;
  throw new FileChanged(`the pictures in ${root} changed while the run was being prepared`, {
    path: root,
    remedy: "Start again when nothing writes to the folder any more.",
  });
}

/** What a person should know about their pictures and learns only by reading them, in sentences. */
function remarks({ index, table, meta }: PackedData): string[] {
  const { counts } = meta;
  const named = index.skipped.slice(0, 3).map(({ name, reason }) => `${name} ${reason}`);
  const more = index.skipped.length > named.length ? `; and ${index.skipped.length - named.length} more` : "";
  const classes = index.classes.length === 0 ? "no classes" : `${index.classes.length} classes`;
  return [
    `${index.source}: ${table.length} pictures, ${classes}; split: ${index.split?.text}`,
    ...(named.length > 0 ? [`files left out: ${counts.skipped}: ${named.join("; ")}${more}`] : []),
    ...(counts.copies > 0
      ? [
          `${counts.copies} of the files are byte copies of others, ${counts.copiesAcrossSplits} of them across the split`,
        ]
      : []),
  ];
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
