import type { Dataset } from "@peco/data";
import { stageBatches, tokenizerPictureSize } from "@peco/data";
import { codebookPerplexity, codebookUsage, codeCounts, lloydRound, nearestCodes } from "@peco/models";
import { Cancelled, type StageContext, type StageOutput } from "@peco/stage";
import {
  clusterConfig,
  clusteredFeatures,
  type HistoryRow,
  loadPerceptualNetwork,
  openData,
  publishModel,
} from "@peco/training";
import { countFlops, type HostArray, jit, type Key, random, State, tf } from "tfjs-libtensorflow";
import { FeaturesWithoutGrid } from "./errors.ts";

/** Vectors clustered for each code: at least the first number, at most the second, as many as `vectorBytes` hold. */
const vectorsPerCode = [16, 64] as const;
const vectorBytes = 2 ** 30;

/**
 * The stage `codebook` of a recipe with `source: feature-kmeans`: clusters the perceptual network's features of augmented training
 * pictures by `kmeansRounds` rounds of k-means, started at random vectors, and publishes the centres as a `tokenizer` without
 * autoencoder. A control for PeCo: what do the network's features give without a codebook that was trained to reconstruct?
 */
export async function featureClusters(context: StageContext): Promise<StageOutput> {
  const { recipe, spec, store } = context;
  const own = recipe.codebook;
  const key = random.fold(random.key(spec.seed), spec.stage);
  using network = await loadPerceptualNetwork(store, spec.inputs["perceptualNetwork"] ?? "");
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const features = network.features(own.loss.layers.slice(-1));
  const { vectors, side, images, gflop } = await gather(
    context,
    data,
    clusteredFeatures(features, { norm: own.loss.norm, unitLength: own.unitLength }),
  );
  using points = disposable(vectors);
  const { centres, history } = await cluster(context, points.tensor, random.fold(key, "codes"));
  const [count, width] = points.tensor.shape;
  const rounds = history.length;
  const figures = { steps: rounds, images, gflop: gflop + (rounds * 2 * count * width * own.size) / 1e9 };
  const artifact = await publishModel(context, {
    kind: "tokenizer",
    weights: { "codebook.vectors": centres },
    config: clusterConfig(own, side, width),
    preprocessing: { size: tokenizerPictureSize(recipe), mean: recipe.image.mean, std: recipe.image.std },
    history,
    figures,
  });
  return { artifact, metrics: { ...history.at(-1), vectors: count, ...figures } };
}

/** Vectors of the first batches, [n, width]. */
async function gather(
  { recipe, spec, signal }: StageContext,
  data: Dataset,
  features: (pictures: tf.Tensor4D) => tf.Tensor4D,
): Promise<{ vectors: tf.Tensor2D; side: number; images: number; gflop: number }> {
  const own = recipe.codebook;
  const batches = data.batches(stageBatches("codebook", recipe, spec.seed));
  // whole batches are clustered, in however many parts they are given
  const partsOfBatch = own.batch / (own.microBatch ?? own.batch);
  const step = (state: Record<string, never>, { images }: { images: tf.Tensor4D }) => ({
    state,
    metrics: { vectors: features(images) },
  });
  using after = new DisposableStack();
  const compiled = after.adopt(jit(step, { name: "features", compiler: recipe.runtime.compiler }), (it) =>
    it.dispose(),
  );
  await using state = State.of({});
  const parts: HostArray[] = [];
  let flops = 0;
  for (let at = 0, wanted = 1; at < wanted; at++) {
    if (signal.aborted) throw new Cancelled(spec.stage);
    const { images } = await batches.at(at);
    const { vectors } = await compiled.run(state, { images }, random.key(0));
    parts.push(vectors);
    if (at > 0) continue;
    const [, rows, columns, width] = vectors.shape as [number, number, number, number];
    const grid = recipe.image.size / recipe.image.patch;
    if (rows !== grid) throw new FeaturesWithoutGrid(own.loss.layers.at(-1) as number, rows, grid);
    const fitting = Math.floor(vectorBytes / (4 * width * own.size));
    const each = spec.preflight ? 1 : Math.max(vectorsPerCode[0], Math.min(vectorsPerCode[1], fitting));
    wanted = Math.ceil((each * own.size) / (own.batch * rows * columns)) * partsOfBatch;
    flops = countFlops(compiled.program(state, { images }));
  }
  const [, side, , width] = (parts[0] as HostArray).shape as [number, number, number, number];
  const joined = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let offset = 0;
  for (const { data } of parts) {
    joined.set(data as Float32Array, offset);
    offset += data.length;
  }
  const vectors = tf.tensor2d(joined, [joined.length / width, width]);
  return {
    vectors,
    side,
    images: parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0),
    gflop: (flops * parts.length) / 1e9,
  };
}

/** The rounds of k-means, with the vectors' mean squared distance to their centres, usage and perplexity after each. */
async function cluster(
  context: StageContext,
  points: tf.Tensor2D,
  key: Key,
): Promise<{ centres: HostArray; history: HistoryRow[] }> {
  const { size, kmeansRounds, unitLength } = context.recipe.codebook;
  const rounds = context.spec.preflight ? 1 : kmeansRounds;
  const started = performance.now();
  const history: HistoryRow[] = [];
  let centres = tf.tidy(() => tf.gather(points, tf.slice(random.permutation(key, points.shape[0]), 0, size)));
  for (let round = 1; round <= rounds; round++) {
    if (context.signal.aborted) {
      centres.dispose();
      throw new Cancelled(context.spec.stage);
    }
    const next = tf.tidy(() => lloydRound(points, centres, { unitLength }));
    centres.dispose();
    centres = next;
    const measured = await measure(points, centres);
    history.push({ step: round, ...measured });
    const perRound = (performance.now() - started) / 1000 / round;
    context.emit({
      kind: "step",
      part: "k-means",
      step: round,
      of: rounds,
      metrics: measured,
      imagesPerSecond: 0,
      etaSeconds: perRound * (rounds - round),
      waitShare: 0,
    });
  }
  const [codes, width] = centres.shape;
  const result: HostArray = { dtype: "float32", shape: [codes, width], data: (await centres.data()) as Float32Array };
  centres.dispose();
  return { centres: result, history };
}

async function measure(points: tf.Tensor2D, centres: tf.Tensor2D): Promise<Record<string, number>> {
  const figures = tf.tidy(() => {
    const members = nearestCodes(points, centres);
    const counts = codeCounts(members, centres.shape[0]);
    const loss = tf.mean(tf.squaredDifference(points, tf.gather(centres, members)));
    return tf.stack([loss, codebookUsage(counts), codebookPerplexity(counts)]);
  });
  const [loss, usage, perplexity] = await figures.data();
  figures.dispose();
  return { loss: loss as number, usage: usage as number, perplexity: perplexity as number };
}

function disposable<T extends tf.Tensor>(tensor: T): Disposable & { tensor: T } {
  return { tensor, [Symbol.dispose]: () => tensor.dispose() };
}
