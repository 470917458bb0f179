import { drawMask } from "@peco/masking";
import { fold, type Key, key, stream } from "@peco/random";
import type { AnyBatch, BatchSpec } from "./batch-spec.ts";
import { makeEvaluationView } from "./evaluation-view.ts";
import { hostInt32, hostUint8 } from "./host-array.ts";
import type { Picture } from "./picture.ts";
import type { PictureReader } from "./picture-reader.ts";
import { SampleOrder } from "./sample-order.ts";
import { makeView, makeViewPair } from "./views.ts";

/** The selected pictures of a pack: their places and labels (-1: none), equally long. */
export interface Selected {
  readonly places: Int32Array;
  readonly labels: Int32Array;
}

type Drawn = Exclude<BatchSpec, { kind: "in-order" }>;

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

  /** The batch of one step. @throws CorruptPack */
  async make(step: number): Promise<AnyBatch> {
    const spec = this.#spec;
    switch (spec.kind) {
      case "two-views":
        return this.#twoViews(spec, step);
      case "one-view":
        return this.#oneView(spec, step);
      case "masked":
        return this.#masked(spec, step);
      case "labelled":
        return this.#labelled(spec, step);
      case "in-order":
        return this.#inOrder(spec, step);
    }
  }

  async #twoViews(spec: Drawn, step: number): Promise<AnyBatch> {
    const view1 = pictures(spec.batch, spec.size);
    const view2 = pictures(spec.batch, spec.size);
    await this.#each(spec, step, (sample, picture, at) => {
      makeView(fold(sample, "view1"), picture, spec.views, 0, row(view1.data, at, spec.batch), spec.size);
      makeView(fold(sample, "view2"), picture, spec.views, 1, row(view2.data, at, spec.batch), spec.size);
    });
    return { view1, view2 };
  }

  async #oneView(spec: Drawn, step: number): Promise<{ images: ReturnType<typeof pictures> }> {
    const images = pictures(spec.batch, spec.size);
    await this.#each(spec, step, (sample, picture, at) => {
      makeView(fold(sample, "view1"), picture, spec.views, 0, row(images.data, at, spec.batch), spec.size);
    });
    return { images };
  }

  async #masked(spec: Extract<BatchSpec, { kind: "masked" }>, step: number): Promise<AnyBatch> {
    const view1 = pictures(spec.batch, spec.size);
    const view2 = pictures(spec.batch, spec.tokenizerSize);
    const patches = spec.mask.rows * spec.mask.columns;
    const mask = hostUint8(spec.batch, patches);
    await this.#each(spec, step, (sample, picture, at) => {
      const first = { out: row(view1.data, at, spec.batch), size: spec.size };
      const second = { out: row(view2.data, at, spec.batch), size: spec.tokenizerSize };
      makeViewPair(fold(sample, "view1"), picture, spec.views, first, second);
      mask.data.set(drawMask(stream(fold(sample, "mask")), spec.mask), at * patches);
    });
    return { view1, view2, mask };
  }

  async #labelled(spec: Drawn, step: number): Promise<AnyBatch> {
    const labels = hostInt32(spec.batch);
    const { images } = await this.#oneView(spec, step);
    for (let at = 0; at < spec.batch; at++)
      labels.data[at] = this.#selected.labels[this.#sampleAt(spec, step, at)] as number;
    return { images, labels };
  }

  async #inOrder(spec: Extract<BatchSpec, { kind: "in-order" }>, step: number): Promise<AnyBatch> {
    const images = pictures(spec.batch, spec.size);
    const labels = hostInt32(spec.batch);
    const first = step * spec.batch;
    const places = this.#selected.places.subarray(first, first + spec.batch);
    labels.data.set(this.#selected.labels.subarray(first, first + spec.batch));
    labels.data.fill(-1, places.length);
    await this.#pictures.each(places, (picture, at) => {
      makeEvaluationView(picture, row(images.data, at, spec.batch), spec.size, spec.view ?? null);
    });
    return { images, labels, valid: { dtype: "int32", shape: [], data: Int32Array.of(places.length) } };
  }

  /** Reads each sample of a step and hands it on with its key. */
  async #each(spec: Drawn, step: number, make: (sample: Key, picture: Picture, at: number) => void): Promise<void> {
    const stepKey = fold(this.#key as Key, step);
    const places = Int32Array.from(
      { length: spec.batch },
      (_, at) => this.#selected.places[this.#sampleAt(spec, step, at)] as number,
    );
    await this.#pictures.each(places, (picture, at) => make(fold(stepKey, at), picture, at));
  }

  #sampleAt(spec: Drawn, step: number, at: number): number {
    return (this.#order as SampleOrder).at(step * spec.batch + at);
  }
}

const pictures = (batch: number, size: number) => hostUint8(batch, size, size, 3);

/** Row `at` of `batch` rows. */
function row(data: Uint8Array, at: number, batch: number): Uint8Array {
  const length = data.length / batch;
  return data.subarray(at * length, (at + 1) * length);
}
