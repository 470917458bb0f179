import { digestOf, type Json, Store, StoreMissing } from "@peco/artifacts";
import type { ReproducibilityCard } from "@peco/report";
import { z } from "zod";
import { revision } from "../run/machine.ts";

/** The file in a store that a repetition makes its results in: which repetition it is of, and how far that is. */
const markName = "reproduction.json";
const mark = z.strictObject({
  format: z.literal(1),
  /** Digest of the card. */
  card: z.string(),
  /** Of the code that repeats it. */
  revision: z.string().nullable(),
  lockfile: z.string(),
  state: z.enum(["under way", "done"]),
});
type Mark = z.infer<typeof mark>;

/**
 * What a store is to the repetition of a card: `new`, without a result; `resumed`, with results that this very repetition made before it
 * was interrupted; or else why nothing can be repeated in it.
 */
type Fitness = { readonly state: "new" | "resumed" } | { readonly state: "unfit"; readonly why: string };

/** Thrown when a store has results that would be taken for those of a repetition: a run would be compared with itself. */
export class StoreHasResults extends Error {
  override readonly name = "StoreHasResults";
  readonly exitCode = 73;
  readonly remedy = "Leave --store out, or name a new folder: a repetition makes everything anew.";
  readonly path: string;
  constructor(path: string, why: string) {
    super(`nothing would be repeated in the store ${path}: ${why}`);
    this.path = path;
  }
}

/** Where a repetition goes. */
export interface OwnStore {
  readonly path: string;
  /** Whether it goes on with an interrupted one. */
  readonly resumed: boolean;
}

/**
 * The store for a card's repetition: the one that was asked for or, beside the default one, the first in which nothing else lies. Makes
 * nothing.
 *
 * @throws StoreHasResults when the one that was asked for holds other results
 */
export async function findOwnStore(
  card: ReproducibilityCard,
  asked: string | null,
  byDefault: string,
): Promise<OwnStore> {
  if (asked !== null) {
    const found = await fitness(asked, card);
    if (found.state === "unfit") throw new StoreHasResults(asked, found.why);
    return { path: asked, resumed: found.state === "resumed" };
  }
  for (let number = 1; ; number++) {
    const path = number === 1 ? byDefault : `${byDefault}-${number}`;
    const { state } = await fitness(path, card);
    if (state !== "unfit") return { path, resumed: state === "resumed" };
  }
}

/** Opens the store, and marks it as this repetition's. */
export async function openOwnStore({ path }: OwnStore, card: ReproducibilityCard): Promise<Store> {
  const store = await Store.open(path, { create: true });
  await write(store, markOf(card, "under way"));
  return store;
}

/** Notes that the repetition has come to its end: the next one begins elsewhere. */
export function closeOwnStore(store: Store, card: ReproducibilityCard): Promise<void> {
  return write(store, markOf(card, "done"));
}

async function fitness(path: string, card: ReproducibilityCard): Promise<Fitness> {
  const store = await Store.open(path).catch((error: unknown) => {
    if (error instanceof StoreMissing) return null;
    throw error;
  });
  if (store === null || (await store.backend.list("results")).length === 0) return { state: "new" };
  const bytes = await store.backend.get(markName);
  const found = bytes === null ? null : read(bytes);
  const wanted = markOf(card, "under way");
  if (found?.card !== wanted.card) return { state: "unfit", why: "it has results that this repetition did not make" };
  if (found.state === "done") return { state: "unfit", why: "this card has been repeated in it already" };
  return found.revision === wanted.revision && found.lockfile === wanted.lockfile
    ? { state: "resumed" }
    : { state: "unfit", why: "the repetition in it was begun with another revision of the code" };
}

function markOf(card: ReproducibilityCard, state: Mark["state"]): Mark {
  const { revision: commit, lockfile } = revision();
  return { format: 1, card: digestOf(card as unknown as Json), revision: commit, lockfile, state };
}

/** Null for what is no mark: then nobody knows who made the results. */
function read(bytes: Uint8Array): Mark | null {
  try {
    return mark.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

function write(store: Store, content: Mark): Promise<void> {
  return store.backend.put(markName, new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`));
}
