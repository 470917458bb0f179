import { balancedPlaces } from "./balanced-places.ts";
import type { Selected } from "./batch-maker.ts";
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
import { BatchOptionsError, CorruptPack } from "./errors.ts";
import { type PackIndex, packIndex } from "./pack-index.ts";
import { PictureFile } from "./picture-file.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Where a pack's parts are. */
export interface PackParts {
  /** File with the bytes of `pictures.u8`. */
  readonly pictures: string;
  /** The bytes, or the parsed JSON, of `index.json`. */
  readonly index: Uint8Array | PackIndex;
}

/**
 * A pack, opened: its index, its pictures by number, and sources of batches that are made on threads of its own.
 *
 * ```ts
 * await using data = await Dataset.open({ pictures: await store.blobFile(ref.digest), index: await store.artifactBlob(digest, "index.json") });
 * const batches = data.batches({ kind: "one-view", pictures: { split: "train" }, batch: 64, size: 32, seed: 1, stage: "codebook", views });
 * const { images } = await batches.at(0);
 * ```
 *
 * To have the next batches made while one is used, ask for them early: `at` may be called for several steps at once.
 */
export class Dataset implements AsyncDisposable {
  readonly index: PackIndex;
  readonly #file: PictureFile;
  readonly #workers: WorkerPool<BatchJob, AnyBatch>;
  #sources = 0;

  private constructor(index: PackIndex, file: PictureFile, threads: number) {
    this.index = index;
    this.#file = file;
    this.#workers = new WorkerPool(new URL("./batch-worker.ts", import.meta.url), threads);
  }

  /**
   * Opens a pack.
   *
   * @param options.threads worker threads that make batches; one keeps up with the trainers of the small recipe. @default 1
   * @throws CorruptPack when index and pictures are not whole or do not belong together
   */
  static async open(parts: PackParts, options: { threads?: number } = {}): Promise<Dataset> {
    const index = parseIndex(parts);
    const file = new PictureFile(parts.pictures, index.side);
    if (file.count !== index.pictures.length) {
      file.close();
      throw new CorruptPack(`${parts.pictures} holds ${file.count} pictures and its index ${index.pictures.length}`, {
        path: parts.pictures,
        remedy: "Start `./peco run` again: packed pictures that are not whole are made anew.",
      });
    }
    return new Dataset(index, file, options.threads ?? 1);
  }

  /** Number of classes; 0 where the set has none. */
  get classes(): number {
    return this.index.classes.length;
  }

  /** Picture `place` of the pack, `uint8 [side, side, 3]`. @throws CorruptPack */
  picture(place: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.index.side * this.index.side * 3);
    this.#file.read(place, out);
    return out;
  }

  /** Places of the selected pictures, ascending. */
  places(selection: Selection): number[] {
    const { split, labelled = false, first, balanced } = selection;
    const places = this.index.pictures.flatMap((picture, place) =>
      picture.split === split && (picture.labelled || !labelled) ? [place] : [],
    );
    const chosen = balanced === undefined ? places : balancedPlaces(this.index.pictures, places, balanced);
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
    const job = { source, path: this.#file.path, side: this.#file.side, spec: checked, selected };
    const at = (step: number) => {
      const known = Number.isSafeInteger(step) && step >= 0 && step < steps;
      const batch = known ? this.#workers.run({ ...job, step }) : Promise.reject(noSuchStep(step, steps));
      // Whoever awaits a batch sees its failure; one asked for ahead and never wanted must not end the process.
      batch.catch(() => undefined);
      return batch;
    };
    return checked.kind === "in-order" ? { at, steps, count } : { at };
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
    const labels = places.map((place) => this.index.pictures[place]?.label ?? -1);
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
    this.#file.close();
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

function parseIndex({ index, pictures }: PackParts): PackIndex {
  try {
    return packIndex.parse(index instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(index)) : index);
  } catch (cause) {
    throw new CorruptPack(
      `the index of ${pictures} cannot be read: ${(cause as Error).message}`,
      { path: pictures, remedy: "Start `./peco run` again: packed pictures that are not whole are made anew." },
      cause,
    );
  }
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
