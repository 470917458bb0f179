import { drawMask } from "@peco/masking";
import { fold, type Key, key, stream } from "@peco/random";
import { type Slice, sliceRows } from "./batch-slices.ts";
import type { AnyBatch, BatchSpec } from "./batch-spec.ts";
import { makeEvaluationView } from "./evaluation-view.ts";
import { type HostInt32, hostInt32, hostUint8 } from "./host-array.ts";
import { partCount, partPlaces } from "./micro-batches.ts";
import type { Picture } from "./picture.ts";
import type { PictureReader } from "./picture-reader.ts";
import { drawErasure } from "./random-erasing.ts";
import { SampleOrder } from "./sample-order.ts";
import { makeView, makeViewPair } from "./views.ts";

/** The selected pictures of a pack: their places and labels (-1: none), equally long. */
export interface Selected {
  readonly places: Int32Array;
  readonly labels: Int32Array;
}

type Drawn = Exclude<BatchSpec, { kind: "in-order" }>;

/** A picture of a batch: its number among the selected ones, and what its draws follow from. */
interface Sample {
  readonly key: Key;
  readonly selected: number;
}

/**
 * Makes batches by number, on the thread that calls it. Sample `i` of step `s` draws from `fold(seed, stage, s, i)`, so that a batch
 * follows from its specification, the pack and its number, and from nothing made before.
 */
export class BatchMaker {
  readonly #spec: BatchSpec;
  readonly #selected: Selected;
  readonly #pictures: PictureReader;
  readonly #order: SampleOrder | null;
  readonly #key: Key | null;

  constructor(spec: BatchSpec, selected: Selected, pictures: PictureReader) {
    this.#spec = spec;
    this.#selected = selected;
    this.#pictures = pictures;
    this.#key = spec.kind === "in-order" ? null : fold(key(spec.seed), spec.stage);
    this.#order = this.#key === null ? null : new SampleOrder(fold(this.#key, "order"), selected.places.length);
  }

  /** The batch, or the part of one, of a number: a slice of its rows. @throws CorruptPack */
  async make(number: number, slice: Slice = { index: 0, of: 1 }): Promise<AnyBatch> {
    const spec = this.#spec;
    if (spec.kind === "in-order") return this.#inOrder(spec, number, slice);
    const all = this.#samplesOf(spec, number);
    const samples = all.slice(...sliceRows(all.length, slice));
    switch (spec.kind) {
      case "two-views":
        return this.#twoViews(spec, samples);
      case "one-view":
        return this.#oneView(spec, samples);
      case "masked":
        return this.#masked(spec, samples);
      case "labelled":
        return this.#labelled(spec, samples);
    }
  }

  async #twoViews(spec: Drawn, samples: readonly Sample[]): Promise<AnyBatch> {
    const count = samples.length;
    const view1 = pictures(count, spec.size);
    const view2 = pictures(count, spec.size);
    await this.#each(samples, (key, picture, at) => {
      makeView(fold(key, "view1"), picture, spec.views, 0, row(view1.data, at, count), spec.size);
      makeView(fold(key, "view2"), picture, spec.views, 1, row(view2.data, at, count), spec.size);
    });
    return { view1, view2 };
  }

  async #oneView(spec: Drawn, samples: readonly Sample[]): Promise<{ images: ReturnType<typeof pictures> }> {
    const images = pictures(samples.length, spec.size);
    await this.#each(samples, (key, picture, at) => {
      makeView(fold(key, "view1"), picture, spec.views, 0, row(images.data, at, samples.length), spec.size);
    });
    return { images };
  }

  async #masked(spec: Extract<BatchSpec, { kind: "masked" }>, samples: readonly Sample[]): Promise<AnyBatch> {
    const count = samples.length;
    const view1 = pictures(count, spec.size);
    const { tokenizerSize } = spec;
    const view2 = tokenizerSize === null ? null : pictures(count, tokenizerSize);
    const patches = spec.mask.rows * spec.mask.columns;
    const mask = hostUint8(count, patches);
    await this.#each(samples, (key, picture, at) => {
      const first = { out: row(view1.data, at, count), size: spec.size };
      const second = view2 && { out: row(view2.data, at, count), size: tokenizerSize as number };
      makeViewPair(fold(key, "view1"), picture, spec.views, first, second);
      mask.data.set(drawMask(stream(fold(key, "mask")), spec.mask), at * patches);
    });
    return { view1, ...(view2 && { view2 }), mask };
  }

  async #labelled(spec: Extract<BatchSpec, { kind: "labelled" }>, samples: readonly Sample[]): Promise<AnyBatch> {
    const labels = hostInt32(samples.length);
    const { images } = await this.#oneView(spec, samples);
    samples.forEach(({ selected }, at) => {
      labels.data[at] = this.#selected.labels[selected] as number;
    });
    return { images, labels, ...(spec.erase && { erase: boxesToErase(samples, spec.size, spec.erase) }) };
  }

  async #inOrder(
    { batch, size, view }: Extract<BatchSpec, { kind: "in-order" }>,
    step: number,
    slice: Slice,
  ): Promise<AnyBatch> {
    const [first, end] = sliceRows(batch, slice).map((at) => step * batch + at) as [number, number];
    const rows = end - first;
    const images = pictures(rows, size);
    const labels = hostInt32(rows);
    const places = this.#selected.places.subarray(first, end);
    labels.data.set(this.#selected.labels.subarray(first, end));
    labels.data.fill(-1, places.length);
    await this.#pictures.each(places, (picture, at) => {
      makeEvaluationView(picture, row(images.data, at, rows), size, view ?? null);
    });
    return { images, labels, valid: { dtype: "int32", shape: [], data: Int32Array.of(places.length) } };
  }

  /** What batch `number` is made of, or, where batches are given in parts, part `number`, counted over all batches. */
  #samplesOf({ batch, division }: Drawn, number: number): Sample[] {
    const parts = division === undefined ? 1 : partCount({ batch, ...division });
    const step = Math.floor(number / parts);
    const stepKey = fold(this.#key as Key, step);
    const places =
      division === undefined
        ? Array.from({ length: batch }, (_, at) => at)
        : [...partPlaces({ batch, ...division }, number - step * parts)];
    const order = this.#order as SampleOrder;
    return places.map((at) => ({ key: fold(stepKey, at), selected: order.at(step * batch + at) }));
  }

  /** Reads each sample and hands it on with its key. */
  async #each(samples: readonly Sample[], make: (key: Key, picture: Picture, at: number) => void): Promise<void> {
    const places = Int32Array.from(samples, ({ selected }) => this.#selected.places[selected] as number);
    await this.#pictures.each(places, (picture, at) => make((samples[at] as Sample).key, picture, at));
  }
}

/** A box for each picture: int32 [batch, 4]. */
function boxesToErase(samples: readonly Sample[], size: number, probability: number): HostInt32 {
  const boxes = hostInt32(samples.length, 4);
  for (const [at, { key }] of samples.entries()) {
    const { top, left, height, width } = drawErasure(stream(fold(key, "erase")), size, size, probability);
    boxes.data.set([top, left, height, width], at * 4);
  }
  return boxes;
}

const pictures = (batch: number, size: number) => hostUint8(batch, size, size, 3);

/** Row `at` of `batch` rows. */
function row(data: Uint8Array, at: number, batch: number): Uint8Array {
  const length = data.length / batch;
  return data.subarray(at * length, (at + 1) * length);
}
