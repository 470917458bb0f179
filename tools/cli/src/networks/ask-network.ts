import { UndecodablePicture } from "@peco/data";
import { frozenStep, tensorsOf } from "@peco/training";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { Display } from "../run/display.ts";
import type { Network } from "./network.ts";
import { type PictureName, readPicture } from "./pictures.ts";

/** A picture that could not be used. */
export interface SkippedPicture {
  readonly name: string;
  readonly reason: string;
}

/** Thrown when a network gives what is no number. */
export class NotFinite extends Error {
  override readonly name = "NotFinite";
  readonly exitCode = 65;
  readonly remedy = "Look for values that are not finite in the weights.";
  constructor(network: string, picture: string) {
    super(`${network} gives values that are no numbers for ${picture}`);
  }
}

/** What is asked of a network. */
export interface Question {
  /** The network's tree of tensors and a batch of pictures, 0..255, to one row of values for each picture. */
  readonly compute: (tree: unknown, pictures: tf.Tensor4D) => tf.Tensor;
  /** `--resize none`: pictures have the network's size already. */
  readonly resize: boolean;
  /** Pictures computed at a time. */
  readonly batch: number;
  /** Word for the progress, such as `predict`. */
  readonly word: string;
}

/** The answer for one picture; null where the picture could not be used. */
export type Answered = (picture: PictureName, row: Float32Array | null) => void | Promise<void>;

/**
 * Asks a network about pictures, in their order: the next batch is decoded while one is computed.
 *
 * @returns the pictures that could not be used
 * @throws NotFinite
 */
export async function askNetwork(
  network: Network,
  pictures: readonly PictureName[],
  question: Question,
  answered: Answered,
): Promise<SkippedPicture[]> {
  const { view, weights, name } = network;
  // Batches of one number, as even as can be: one program serves all, and few places are filled up.
  const batch = Math.ceil(pictures.length / Math.ceil(pictures.length / question.batch));
  const tree = tensorsOf<tf.TensorContainer>(weights);
  await using step = frozenStep(
    { compiler: "graph" },
    question.word,
    ({ images }: { readonly images: tf.Tensor4D }) => ({
      rows: question.compute(tree, images) as tf.Tensor2D,
    }),
  );
  const progress = new Progress(question.word, pictures.length);
  const skipped: SkippedPicture[] = [];
  try {
    let next = readBatch(pictures.slice(0, batch), network, question.resize);
    for (let first = 0; first < pictures.length; first += batch) {
      const { read, problems } = await next;
      next = readBatch(pictures.slice(first + batch, first + 2 * batch), network, question.resize);
      next.catch(() => undefined); // is awaited in the next round, if there is one
      skipped.push(...problems);
      const images = imagesOf(read, batch, view.size);
      const { rows } = await step.run({ images });
      const { data } = rows as HostArray<"float32">;
      const length = data.length / batch;
      for (const [i, { picture, pixels }] of read.entries()) {
        const row = data.subarray(i * length, (i + 1) * length);
        if (pixels !== null && !row.every(Number.isFinite)) throw new NotFinite(name, picture.name);
        await answered(picture, pixels === null ? null : row);
      }
      progress.done(first + read.length);
    }
  } finally {
    tf.dispose(tree);
  }
  return skipped;
}

interface ReadBatch {
  readonly read: readonly { readonly picture: PictureName; readonly pixels: Uint8Array | null }[];
  readonly problems: readonly SkippedPicture[];
}

async function readBatch(pictures: readonly PictureName[], { view }: Network, resize: boolean): Promise<ReadBatch> {
  const problems: SkippedPicture[] = [];
  const read = await Promise.all(
    pictures.map(async (picture) => {
      try {
        return { picture, pixels: await readPicture(picture.path, view, resize) };
      } catch (error) {
        if (!(error instanceof UndecodablePicture)) throw error;
        problems.push({ name: picture.name, reason: error.message });
        return { picture, pixels: null };
      }
    }),
  );
  return { read, problems: problems.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** The pictures of a batch, filled up with black ones to its full number, so that one program serves all. */
function imagesOf(read: ReadBatch["read"], batch: number, size: number): HostArray<"uint8"> {
  const data = new Uint8Array(batch * size * size * 3);
  for (const [i, { pixels }] of read.entries()) if (pixels !== null) data.set(pixels, i * size * size * 3);
  return { dtype: "uint8", shape: [batch, size, size, 3], data };
}

/** How far it is, on standard error, for what takes longer than a few seconds. */
class Progress {
  readonly #display = new Display();
  readonly #word: string;
  readonly #of: number;
  readonly #start = performance.now();
  #shown = false;

  constructor(word: string, of: number) {
    this.#word = word;
    this.#of = of;
  }

  done(step: number): void {
    const seconds = (performance.now() - this.#start) / 1000;
    this.#shown ||= seconds > 3;
    if (!this.#shown) return;
    const imagesPerSecond = step / seconds;
    const etaSeconds = (this.#of - step) / imagesPerSecond;
    this.#display.progress({
      stage: this.#word,
      part: "",
      step,
      of: this.#of,
      metrics: {},
      imagesPerSecond,
      etaSeconds,
    });
    if (step === this.#of) this.#display.line(`${this.#of} pictures in ${seconds.toFixed(1)} s`);
  }
}
