import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { balancedPlaces } from "./balanced-places.ts";
import type { Selected } from "./batch-maker.ts";
import { joinSlices } from "./batch-slices.ts";
import {
  type AnyBatch,
  type BatchOf,
  type BatchSource,
  type BatchSpec,
  batchSpec,
  type FiniteBatchSource,
  type Selection,
} from "./batch-spec.ts";
import type { BatchJob } from "./batch-worker.ts";
import { BatchOptionsError } from "./errors.ts";
import { defaultTransform } from "./evaluation-view.ts";
import type { PackIndex } from "./pack-index.ts";
import { type PackParts, type PackStore, packParts, readPack } from "./pack-parts.ts";
import type { Picture } from "./picture.ts";
import { openPictures, type PictureReader, type PictureSpec } from "./picture-reader.ts";
import type { PictureTable } from "./picture-table.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Threads that decode, unless told otherwise: beyond, a trainer of one device is no longer waiting for pictures. */
const MOST_THREADS = 16;
/** Rows of a batch for which handing them to another thread is worth it. */
const SMALLEST_SLICE = 4;

/**
 * A pack, opened: its index, its pictures by number, and sources of batches that are made on threads of its own.
 *
 * ```ts
 * await using data = await openPack(store, digest);
 * const batches = data.batches({ kind: "one-view", pictures: { split: "train" }, batch: 64, size: 32, seed: 1, stage: "codebook", views });
 * const { images } = await batches.at(0);
 * ```
 *
 * To have the next batches made while one is used, ask for them early: `at` may be called for several steps at once.
 */
export class Dataset implements AsyncDisposable {
  readonly index: PackIndex;
  /** What is known about each picture, by its place. */
  readonly pictures: PictureTable;
  readonly #spec: PictureSpec;
  readonly #reader: PictureReader;
  readonly #threads: number;
  readonly #workers: WorkerPool<BatchJob, AnyBatch>;
  #sources = 0;

  private constructor(index: PackIndex, pictures: PictureTable, spec: PictureSpec, threads: number) {
    this.index = index;
    this.pictures = pictures;
    this.#spec = spec;
    this.#reader = openPictures(spec);
    this.#threads = threads;
    this.#workers = new WorkerPool(new URL("./batch-worker.ts", import.meta.url), threads);
  }

  /**
   * Opens a pack.
   *
   * @param options.threads worker threads that make batches. @default 1 for a pack of pixels, which keeps up with the trainers of the
   *   small recipe; for picture files as many as there are cores, at most 16
   * @throws CorruptPack when index and pictures are not whole or do not belong together
   */
  static async open(parts: PackParts, options: { threads?: number } = {}): Promise<Dataset> {
    const { index, table, spec } = readPack(parts);
    const own = spec.form === "decoded" ? 1 : Math.min(MOST_THREADS, availableParallelism());
    return new Dataset(index, table, spec, options.threads ?? own);
  }

  /** Number of classes; 0 where the set has none. */
  get classes(): number {
    return this.index.classes.length;
  }

  /** The pack's picture at a place: its pixels as they were packed, or its file decoded with every pixel. @throws CorruptPack */
  async picture(place: number): Promise<Picture> {
    let found: Picture | null = null;
    await this.#reader.each(Int32Array.of(place), ({ data, height, width }) => {
      found = { data: data.slice(), height, width };
    });
    return found as unknown as Picture;
  }

  /**
   * Reads every picture and compares it with what was packed: of a pack of files, each one's bytes with their SHA-256. Gives each place
   * with what is wrong with it, or null.
   */
  async *check(): AsyncGenerator<{ readonly place: number; readonly problem: string | null }> {
    for (let place = 0; place < this.pictures.length; place++) {
      // Others get their turn: reading is synchronous.
      if (place % 64 === 0) await setImmediate();
      yield { place, problem: this.#reader.problem(place) };
    }
  }

  /** Places of the selected pictures, ascending. */
  places(selection: Selection): number[] {
    const { split, labelled = false, first, balanced } = selection;
    const places: number[] = [];
    for (let place = 0; place < this.pictures.length; place++) {
      if (this.pictures.split(place) === split && (!labelled || this.pictures.labelled(place))) places.push(place);
    }
    const chosen = balanced === undefined ? places : balancedPlaces(this.pictures, places, balanced);
    return chosen.slice(0, first);
  }

  /**
   * The batches that a specification describes. Batches in order have an end, the others none.
   *
   * @throws BatchOptionsError when the specification is wrong or selects no pictures
   */
  batches<S extends BatchSpec>(
    spec: S,
  ): S extends { kind: "in-order" } ? FiniteBatchSource<BatchOf<S>> : BatchSource<BatchOf<S>>;
  batches(spec: BatchSpec): BatchSource<AnyBatch> | FiniteBatchSource<AnyBatch> {
    const checked = parseSpec(spec);
    const selected = this.#select(checked);
    const count = selected.places.length;
    const steps = checked.kind === "in-order" ? Math.ceil(count / checked.batch) : Number.POSITIVE_INFINITY;
    const source = this.#sources++;
    const job = { source, pictures: this.#spec, spec: this.#withView(checked), selected };
    const of = this.#slices(checked);
    const at = (step: number) => {
      const known = Number.isSafeInteger(step) && step >= 0 && step < steps;
      const slices = Array.from({ length: known ? of : 0 }, (_, index) =>
        this.#workers.run({ ...job, step, slice: { index, of } }),
      );
      const batch = known ? Promise.all(slices).then(joinSlices) : Promise.reject(noSuchStep(step, steps));
      // Whoever awaits a batch sees its failure; one asked for ahead and never wanted must not end the process.
      batch.catch(() => undefined);
      return batch;
    };
    return checked.kind === "in-order" ? { at, steps, count } : { at };
  }

  /** How many threads share a batch: decoding takes so long that one alone would be waited for. */
  #slices({ batch }: BatchSpec): number {
    if (this.#spec.form === "decoded") return 1;
    return Math.max(1, Math.min(this.#threads, Math.floor(batch / SMALLEST_SLICE)));
  }

  /** Photographs have no size of their own, so that what is seen of them for evaluation has to be said. */
  #withView(spec: BatchSpec): BatchSpec {
    if (spec.kind !== "in-order" || spec.view !== undefined || this.#spec.form === "decoded") return spec;
    return { ...spec, view: defaultTransform(spec.size) };
  }

  #select(spec: BatchSpec): Selected {
    const places = this.places(spec.pictures);
    const { split, labelled } = spec.pictures;
    if (places.length === 0) {
      throw new BatchOptionsError(`there are no ${labelled ? "labelled " : ""}pictures for ${split} in this set`, {
        path: "pictures",
        remedy: labelled ? "Give pictures in class folders, or leave out what needs labels." : "Give more pictures.",
      });
    }
    const labels = places.map((place) => this.pictures.label(place) ?? -1);
    if (spec.kind === "labelled" && labels.includes(-1)) {
      throw new BatchOptionsError(`batches with labels were asked for, but the pictures for ${split} have none`, {
        path: "pictures",
        remedy: "Give pictures in class folders.",
      });
    }
    return { places: shared(places), labels: shared(labels) };
  }

  /** Ends the threads and closes the file; batches still under way fail. */
  async close(): Promise<void> {
    await this.#workers.close();
    this.#reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Numbers in memory that all threads see. */
function shared(values: readonly number[]): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}

/**
 * Opens the pack of a `data` artifact; the caller closes it (`await using`).
 *
 * @throws CorruptPack, and what the store throws for blobs that are missing or damaged
 */
export async function openPack(store: PackStore, digest: string, options: { threads?: number } = {}): Promise<Dataset> {
  return Dataset.open(await packParts(store, digest), options);
}

/** A specification that came as JSON, checked. @throws BatchOptionsError that names the option and what is wrong with it */
export function parseSpec(spec: unknown): BatchSpec {
  const parsed = batchSpec.safeParse(spec);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new BatchOptionsError(`${path}: ${issue?.message ?? "wrong"}`, {
    path,
    remedy: "Correct this option of the batches.",
  });
}

function noSuchStep(step: number, steps: number): BatchOptionsError {
  const end = Number.isFinite(steps) ? ` to ${steps - 1}` : "";
  return new BatchOptionsError(`there is no batch ${step}`, {
    path: "step",
    remedy: `Ask for a whole number from 0${end}.`,
  });
}
