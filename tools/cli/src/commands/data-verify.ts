import { resolve } from "node:path";
import { type Store, verify } from "@peco/artifacts";
import { identifyFolder, openPack, packParts, readPack } from "@peco/data";
import { z } from "zod";
import { dataArtifact } from "../data/opened-pictures.ts";
import { timedProgress } from "../data/timed-progress.ts";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { Display } from "../run/display.ts";
import { bytes, figure } from "../table.ts";

/** Names of each kind that are printed. */
const SHOWN = 5;

/** The document of `peco data verify --json`. */
export const dataVerifyDocument = z.object({
  artifact: z.string(),
  whole: z.boolean().describe("whether every byte in the store is as its SHA-256 says"),
  objects: z.int(),
  bytes: z.number(),
  pictures: z.int().describe("pictures that were read one by one"),
  damage: z.array(z.object({ path: z.string(), problem: z.string() })),
  folder: z
    .object({
      path: z.string(),
      same: z.boolean(),
      missing: z.array(z.string()).describe("packed, and not in the folder any more"),
      changed: z.array(z.string()).describe("with other bytes than were packed"),
      new: z.array(z.string()).describe("in the folder, and neither packed nor left out"),
    })
    .nullable(),
});

/** The words of `peco data verify`, as typed. */
export interface DataVerifyOptions {
  readonly artifact: string;
  readonly folder?: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** Reads an artifact's pictures back and checks every byte; compares them with a folder where one is given. */
export async function dataVerifyCommand(options: DataVerifyOptions): Promise<Answer> {
  const display = new Display();
  const store = await openStore(options.store);
  const artifact = await dataArtifact(options.artifact, options.store);
  const { objects, bytes: read, damage } = await verify(store, artifact);
  const found: { path: string; problem: string }[] = damage.map(({ path, problem }) => ({ path, problem }));
  const pictures = found.length > 0 ? 0 : await checkPictures(store, artifact, found, display);
  const folder = options.folder === undefined ? null : await compare(store, artifact, resolve(options.folder), display);
  const whole = found.length === 0;
  const document: z.infer<typeof dataVerifyDocument> = {
    ...{ artifact, whole, objects, bytes: read, pictures, damage: found, folder },
  };
  return { document, text: textOf(document), exitCode: whole && folder?.same !== false ? 0 : 76 };
}

/** Each picture by itself; what is wrong is added to `damage`. */
async function checkPictures(
  store: Store,
  artifact: string,
  damage: { path: string; problem: string }[],
  display: Display,
): Promise<number> {
  await using data = await openPack(store, artifact);
  const progress = timedProgress(display, "checking");
  for await (const { place, problem } of data.check()) {
    if (problem !== null) damage.push({ path: data.pictures.name(place), problem });
    progress(place + 1, data.pictures.length);
  }
  return data.pictures.length;
}

async function compare(store: Store, artifact: string, path: string, display: Display) {
  const { index, table } = readPack(await packParts(store, artifact));
  const onProgress = timedProgress(display, "reading the folder");
  const { files } = await identifyFolder(path, { memory: null, onProgress });
  const here = new Map(files.map(({ name, hash }) => [name, hash]));
  const missing: string[] = [];
  const changed: string[] = [];
  for (let place = 0; place < table.length; place++) {
    const name = table.name(place);
    if (!here.has(name)) missing.push(name);
    else if (here.get(name) !== table.hash(place)) changed.push(name);
    here.delete(name);
  }
  for (const { name } of index.skipped) here.delete(name);
  const added = [...here.keys()];
  return { path, same: missing.length + changed.length + added.length === 0, missing, changed, new: added };
}

function textOf({ whole, objects, bytes: read, pictures, damage, folder }: z.infer<typeof dataVerifyDocument>): string {
  const lines = damage.slice(0, SHOWN).map(({ path, problem }) => `${path}: ${problem}`);
  const state = whole ? "all whole" : `${damage.length} damaged or missing; the next run packs anew what is not whole`;
  lines.push(`${objects} objects, ${bytes(read)}, ${figure(pictures)} pictures read: ${state}`);
  if (folder === null) return lines.join("\n");
  if (folder.same) return [...lines, `${folder.path}: the same pictures`].join("\n");
  for (const kind of ["missing", "changed", "new"] as const) {
    const names = folder[kind];
    if (names.length === 0) continue;
    const more = names.length > SHOWN ? `, and ${names.length - SHOWN} more, which --json names` : "";
    lines.push(`${kind} in ${folder.path}: ${names.slice(0, SHOWN).join(", ")}${more}`);
  }
  return lines.join("\n");
}
