import type { NearestNeighbours } from "@peco/report/evaluation";
import { type FrozenStep, frozenStep } from "@peco/training";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { type FrozenFeatures, labelledFeatures, overFeatures } from "./frozen-features.ts";
import type { FrozenNetwork } from "./inputs.ts";
import type { LabelledFeatures } from "./linear-probe.ts";
import type { Pass } from "./pictures-in-order.ts";
import { outputs } from "./steps.ts";

/** Pictures that are compared with at a time: 65,536 of width 768 take 200 MB. */
const CHUNK = 65_536;

type Batch = { readonly queries: tf.Tensor2D; readonly chunk: tf.Tensor2D };
type Found = { readonly similarities: tf.Tensor2D; readonly places: tf.Tensor2D };

/** What the votes are counted by. */
export interface VoteOptions {
  readonly classes: number;
  /** Numbers of nearest neighbours that vote, each by itself; all where there are fewer. */
  readonly neighbours: readonly number[];
  /** A vote's weight is `exp(cosine / temperature)`. */
  readonly temperature: number;
}

/**
 * Weighted votes of the nearest neighbours by the cosine of features (DINO, `eval_knn.py`; Wu et al. 2018). The features lie as tensors in
 * pieces, and the nearest of each piece are merged, so that any number of pictures can be compared with.
 */
export class NeighbourVotes implements AsyncDisposable {
  readonly #options: VoteOptions;
  readonly #labels: Int32Array;
  readonly #width: number;
  readonly #chunks: readonly tf.Tensor2D[];
  readonly #step: FrozenStep<Batch, Found>;

  /** Compares with labelled features of `width`, which are copied. */
  constructor(
    context: Pick<Pass["context"], "recipe">,
    { features, labels }: LabelledFeatures,
    width: number,
    options: VoteOptions,
    chunk = CHUNK,
  ) {
    this.#options = options;
    this.#labels = labels;
    this.#width = width;
    this.#chunks = Array.from({ length: Math.ceil(labels.length / chunk) }, (_, i) => {
      const rows = features.subarray(i * chunk * width, (i + 1) * chunk * width);
      return tf.tidy(() => unitRows(tf.tensor2d(rows, [rows.length / width, width])));
    });
    const most = Math.max(...options.neighbours);
    this.#step = frozenStep(context.recipe.runtime, "nearest neighbours", (batch: Batch) => nearest(batch, most));
  }

  /** The class that pictures with features `[pictures, width]` are given, int32 `[pictures]` for each number of neighbours. */
  async classes(features: Float32Array): Promise<Int32Array[]> {
    const pictures = features.length / this.#width;
    const queries = { dtype: "float32", shape: [pictures, this.#width], data: features } as const;
    let best: Neighbour[][] = Array.from({ length: pictures }, () => []);
    let first = 0;
    for (const chunk of this.#chunks) {
      const found = await this.#step.run({ queries: queries as HostArray<"float32">, chunk });
      best = best.map((known, picture) => this.#merged(known, found, picture, first));
      first += chunk.shape[0];
    }
    return this.#options.neighbours.map((count) =>
      Int32Array.from(best, (neighbours) => this.#winner(neighbours.slice(0, count))),
    );
  }

  /** The nearest of the known ones and of a picture's row in what was found; of equal ones the earlier comes first. */
  #merged(
    known: Neighbour[],
    { similarities, places }: { readonly similarities: HostArray; readonly places: HostArray },
    picture: number,
    first: number,
  ): Neighbour[] {
    const count = similarities.shape[1] as number;
    const found = Array.from({ length: count }, (_, i): Neighbour => {
      const at = picture * count + i;
      return { similarity: similarities.data[at] as number, place: first + (places.data[at] as number) };
    });
    if (known.length === 0) return found;
    const both = [...known, ...found].sort((a, b) => b.similarity - a.similarity || a.place - b.place);
    return both.slice(0, Math.max(...this.#options.neighbours));
  }

  #winner(neighbours: readonly Neighbour[]): number {
    const votes = new Float64Array(this.#options.classes);
    for (const { similarity, place } of neighbours) {
      const label = this.#labels[place] as number;
      votes[label] = (votes[label] as number) + Math.exp(similarity / this.#options.temperature);
    }
    return votes.reduce((winner, vote, label) => (vote > (votes[winner] as number) ? label : winner), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    tf.dispose([...this.#chunks]);
    await this.#step[Symbol.asyncDispose]();
  }
}

/** A picture that was compared with, and the cosine. */
interface Neighbour {
  readonly similarity: number;
  readonly place: number;
}

/** The `most` nearest rows of a piece, `[queries, most]`, the nearest first. */
function nearest({ queries, chunk }: Batch, most: number): Found {
  const { values, indices } = tf.topk(tf.matMul(unitRows(queries), chunk, false, true), Math.min(most, chunk.shape[0]));
  return { similarities: values as tf.Tensor2D, places: indices as tf.Tensor2D };
}

/** Rows divided by their lengths, with PyTorch's least length of 1e-12. */
function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.div(rows, tf.maximum(tf.sqrt(tf.sum(tf.square(rows), 1, true)), 1e-12));
}

/**
 * Names pictures by their nearest training pictures, by a network's class token after the final norm and by the mean of its patches there:
 * masked modelling does not train the class token. The number of neighbours is chosen on validation.
 */
export async function evaluateNeighbours(
  pass: Pass,
  network: NearestNeighbours["network"],
  { config, vit }: FrozenNetwork,
  classes: number,
): Promise<NearestNeighbours[]> {
  const { knn, probe } = pass.context.recipe.evaluate;
  const features: FrozenFeatures = {
    name: `neighbours by the ${network} network`,
    widths: [config.width, config.width],
    size: config.size,
    of: outputs(vit, config),
  };
  const train = await labelledFeatures(pass, features, { split: "train", first: probe.labels });
  await using open = new AsyncDisposableStack();
  const votes = train.map((labelled) =>
    open.use(new NeighbourVotes(pass.context, labelled, config.width, { ...knn, classes })),
  );
  const shares = async (split: "validation" | "test") => {
    const right = votes.map(() => knn.neighbours.map(() => 0));
    let all = 0;
    await overFeatures(pass, features, { split }, async ({ kinds, labels, count }) => {
      for (const [kind, rows] of kinds.entries()) {
        const named = await (votes[kind] as NeighbourVotes).classes(rows);
        for (const [i, classOf] of named.entries()) {
          const hits = right[kind] as number[];
          hits[i] = (hits[i] as number) + labels.reduce((sum, label, row) => sum + (label === classOf[row] ? 1 : 0), 0);
        }
      }
      all += count;
    });
    return right.map((hits) => hits.map((count) => count / all));
  };
  const [validation, test] = [await shares("validation"), await shares("test")];
  return (["class-token", "patch-mean"] as const).map((output, kind) => {
    const results = knn.neighbours.map((neighbours, i) => ({
      neighbours,
      validation: validation[kind]?.[i] as number,
      test: test[kind]?.[i] as number,
    }));
    const best = results.reduce((a, b) => (b.validation > a.validation ? b : a));
    const pictures = train[kind]?.labels.length ?? 0;
    return { network, output, pictures, results, neighbours: best.neighbours, top1: best.test };
  });
}
