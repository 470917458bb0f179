import { drawMask } from "@peco/masking";
import { fold, type Key, key, stream } from "@peco/random";
import type { AnyBatch, BatchSpec } from "./batch-spec.ts";
import { hostInt32, hostUint8 } from "./host-array.ts";
import type { Picture } from "./picture.ts";
import type { PictureFile } from "./picture-file.ts";
import { SampleOrder } from "./sample-order.ts";
import { makePlainView, makeView, makeViewPair } from "./views.ts";

/** The selected pictures of a pack: places in `pictures.u8` and labels (-1: none), equally long. */
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
  readonly #file: PictureFile;
  readonly #order: SampleOrder | null;
  readonly #key: Key | null;
  readonly #picture: Picture;

  constructor(spec: BatchSpec, selected: Selected, file: PictureFile) {
    this.#spec = spec;
    this.#selected = selected;
    this.#file = file;
    this.#picture = { data: new Uint8Array(file.side * file.side * 3), height: file.side, width: file.side };
    this.#key = spec.kind === "in-order" ? null : fold(key(spec.seed), spec.stage);
    this.#order = this.#key === null ? null : new SampleOrder(fold(this.#key, "order"), selected.places.length);
  }

  /** The batch of one step. */
  make(step: number): AnyBatch {
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

  #twoViews(spec: Drawn, step: number): AnyBatch {
    const view1 = pictures(spec.batch, spec.size);
    const view2 = pictures(spec.batch, spec.size);
    this.#each(spec, step, (sample, at) => {
      makeView(fold(sample, "view1"), this.#picture, spec.views, 0, row(view1.data, at, spec.batch), spec.size);
      makeView(fold(sample, "view2"), this.#picture, spec.views, 1, row(view2.data, at, spec.batch), spec.size);
    });
    return { view1, view2 };
  }

  #oneView(spec: Drawn, step: number): { images: ReturnType<typeof pictures> } {
    const images = pictures(spec.batch, spec.size);
    this.#each(spec, step, (sample, at) => {
      makeView(fold(sample, "view1"), this.#picture, spec.views, 0, row(images.data, at, spec.batch), spec.size);
    });
    return { images };
  }

  #masked(spec: Extract<BatchSpec, { kind: "masked" }>, step: number): AnyBatch {
    const view1 = pictures(spec.batch, spec.size);
    const view2 = pictures(spec.batch, spec.tokenizerSize);
    const patches = spec.mask.rows * spec.mask.columns;
    const mask = hostUint8(spec.batch, patches);
    this.#each(spec, step, (sample, at) => {
      const first = { out: row(view1.data, at, spec.batch), size: spec.size };
      const second = { out: row(view2.data, at, spec.batch), size: spec.tokenizerSize };
      makeViewPair(fold(sample, "view1"), this.#picture, spec.views, first, second);
      mask.data.set(drawMask(stream(fold(sample, "mask")), spec.mask), at * patches);
    });
    return { view1, view2, mask };
  }

  #labelled(spec: Drawn, step: number): AnyBatch {
    const labels = hostInt32(spec.batch);
    const { images } = this.#oneView(spec, step);
    for (let at = 0; at < spec.batch; at++)
      labels.data[at] = this.#selected.labels[this.#sampleAt(spec, step, at)] as number;
    return { images, labels };
  }

  #inOrder(spec: BatchSpec, step: number): AnyBatch {
    const images = pictures(spec.batch, spec.size);
    const labels = hostInt32(spec.batch);
    const { places } = this.#selected;
    const valid = Math.min(spec.batch, places.length - step * spec.batch);
    labels.data.fill(-1, valid);
    for (let at = 0; at < valid; at++) {
      const sample = step * spec.batch + at;
      this.#file.read(places[sample] as number, this.#picture.data);
      makePlainView(this.#picture, row(images.data, at, spec.batch), spec.size);
      labels.data[at] = this.#selected.labels[sample] as number;
    }
    return { images, labels, valid: { dtype: "int32", shape: [], data: Int32Array.of(valid) } };
  }

  /** Reads each sample of a step into `#picture` and hands its key on. */
  #each(spec: Drawn, step: number, make: (sample: Key, at: number) => void): void {
    const stepKey = fold(this.#key as Key, step);
    for (let at = 0; at < spec.batch; at++) {
      this.#file.read(this.#selected.places[this.#sampleAt(spec, step, at)] as number, this.#picture.data);
      make(fold(stepKey, at), at);
    }
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
