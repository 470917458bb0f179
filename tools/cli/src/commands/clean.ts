import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CollectOptions,
  collect,
  type Garbage,
  LeaseHeld,
  liveLeases,
  type Store,
  StoreMissing,
  usage,
} from "@peco/artifacts";
import { z } from "zod";
import { caches } from "../caches.ts";
import { storeFolder } from "../checkout.ts";
import { folderSize } from "../folder-size.ts";
import { openStore } from "../open-store.ts";
import type { Answer } from "../output.ts";
import { bytes, table } from "../table.ts";

const place = z.object({ what: z.string(), path: z.string(), bytes: z.number() });

/** The document of `peco clean --json`. */
export const cleanDocument = z.object({
  store: z
    .object({
      path: z.string(),
      artifacts: z.number(),
      checkpoints: z.number(),
      runs: z.number(),
      generated: z.number().describe("picture files of generated sets"),
      garbage: z.number().describe("of all this, what no result and no run leads to"),
      total: z.number(),
    })
    .nullable()
    .describe("bytes before anything was removed; null: there is no store"),
  caches: z.array(place).describe("what ./peco fetched and fetches again when it is needed"),
  chosen: z.array(place).describe("what the options name"),
  bytes: z.number().describe("of what was chosen"),
  removed: z.boolean().describe("whether it was removed: only --yes does"),
});
type Document = z.infer<typeof cleanDocument>;

/** The words of `peco clean`. */
export interface CleanOptions {
  readonly store?: string;
  readonly unused?: boolean;
  readonly checkpoints?: boolean;
  readonly generated?: boolean;
  readonly caches?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What an option names, and how it goes. */
interface Choice {
  readonly places: z.infer<typeof place>[];
  readonly remove: () => Promise<void>;
}

/**
 * Says what takes space, and with `--yes` removes what the options name.
 *
 * @throws LeaseHeld when the whole store or the caches should go while somebody works with them
 */
export async function cleanCommand(options: CleanOptions, env: NodeJS.ProcessEnv = process.env): Promise<Answer> {
  const path = storeFolder(options.store);
  const store = await openStore(path).catch(nullIfMissing);
  const cached = await Promise.all(caches(env).map(async (each) => ({ ...each, bytes: await folderSize(each.path) })));
  const before = store === null ? null : { path, ...(await usage(store)) };
  const choices: Choice[] = [];
  if (store !== null && options.all === true) choices.push(wholeStore(store, path, before?.total ?? 0));
  else if (store !== null)
    choices.push(...(await garbage(store, options)), ...generatedPictures(store, options, before?.generated ?? 0));
  if (options.caches === true)
    choices.push({ places: cached.filter((each) => each.bytes > 0), remove: () => removeCaches(env) });
  const chosen = choices.flatMap(({ places }) => places);
  const document: Document = {
    store: before,
    caches: cached,
    chosen,
    bytes: chosen.reduce((sum, each) => sum + each.bytes, 0),
    removed: options.yes === true && chosen.length > 0,
  };
  if (document.removed) {
    if (store !== null && (options.all === true || options.caches === true)) await refuseBusy(store);
    for (const { remove } of choices) await remove();
  }
  return { document, text: describe(document, options) };
}

function nullIfMissing(error: unknown): null {
  if (error instanceof StoreMissing) return null;
  throw error;
}

const nameOf: Record<Garbage["kind"], string> = {
  blob: "artifacts",
  manifest: "artifacts",
  result: "results",
  checkpoint: "checkpoints",
  lease: "leases",
  cleared: "leases",
  unfinished: "unfinished files",
  run: "runs without a record",
};

async function garbage(store: Store, options: CleanOptions): Promise<Choice[]> {
  const wanted: CollectOptions[] = [];
  if (options.checkpoints === true) wanted.push({ checkpoints: true, only: ["checkpoint"] });
  if (options.unused === true) wanted.push({ unusedResults: true });
  const choices: Choice[] = [];
  for (const each of wanted) {
    const sums = new Map<string, number>();
    for (const { kind, bytes: size } of await collect(store, { ...each, dryRun: true })) {
      sums.set(nameOf[kind], (sums.get(nameOf[kind]) ?? 0) + size);
    }
    const places = [...sums].map(([what, size]) => ({ what, path: store.backend.locate(""), bytes: size }));
    choices.push({ places, remove: async () => void (await collect(store, each)) });
  }
  return choices;
}

/** Training reads the packed pictures, so the generated files may go at any time. */
function generatedPictures(store: Store, { generated }: CleanOptions, size: number): Choice[] {
  if (generated !== true || size === 0) return [];
  const path = store.backend.locate("generated");
  return [
    {
      places: [{ what: "generated pictures", path, bytes: size }],
      remove: () => rm(path, { recursive: true, force: true }),
    },
  ];
}

function wholeStore(store: Store, path: string, size: number): Choice {
  // what makes it a store goes last, so that an interrupted removal leaves one
  const parts = ["runs", "results", "checkpoints", "leases", "manifests", "blobs", "generated", "tmp", "FORMAT"];
  return {
    places: [{ what: "the whole store", path, bytes: size }],
    remove: async () => {
      for (const part of parts) await rm(store.backend.locate(part), { recursive: true, force: true });
    },
  };
}

async function removeCaches(env: NodeJS.ProcessEnv): Promise<void> {
  for (const { path } of caches(env)) await rm(path, { recursive: true, force: true });
}

async function refuseBusy(store: Store): Promise<void> {
  const [lease] = await liveLeases(store);
  if (lease === undefined) return;
  throw new LeaseHeld(`the store is in use: ${lease.owner} (process ${lease.process.pid})`, {
    path: join(store.backend.locate("leases"), `${lease.key}.pointer`),
    remedy: "Wait until it has finished, or stop it with Ctrl-C first.",
  });
}

function describe({ store, caches: cached, chosen, bytes: size, removed }: Document, options: CleanOptions): string {
  const rows = [
    ...(store === null
      ? []
      : ([
          ["artifacts", { right: bytes(store.artifacts) }, store.path],
          ["checkpoints", { right: bytes(store.checkpoints) }, store.path],
          ["runs", { right: bytes(store.runs) }, store.path],
          ["generated pictures", { right: bytes(store.generated) }, store.path],
        ] as const)),
    ...cached.map((each) => [each.what, { right: bytes(each.bytes) }, each.path] as const),
  ];
  const head = removed ? [] : [table(["what", "size", "where"], rows)];
  if (store !== null && store.garbage > 0 && !removed)
    head.push(`${bytes(store.garbage)} of the store is of no use to any result or run.`);
  const asked = options.all || options.unused || options.checkpoints || options.generated || options.caches;
  if (!asked)
    return [
      ...head,
      "",
      "Removes nothing by itself: name --unused, --checkpoints, --generated, --caches or --all, with --yes.",
    ].join("\n");
  if (chosen.length === 0) return [...head, "", "There is nothing to remove."].join("\n");
  const list = chosen.map((each) => `${each.what} (${bytes(each.bytes)}) in ${each.path}`);
  if (removed) return ["removed:", ...list.map((each) => `  ${each}`), `${bytes(size)} freed`].join("\n");
  return [...head, "", `would remove, with --yes (${bytes(size)}):`, ...list.map((each) => `  ${each}`)].join("\n");
}
