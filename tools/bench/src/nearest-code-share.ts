/**
 * What the search for the nearest code costs: its share of the tokenizer's work, by the recipe imagenet/peco-vit-b16-300ep (or another)
 * but for its batch.
 *
 *     node tools/bench/src/nearest-code-share.ts [--recipe NAME] [--threads 2] [--batch 2] [--training] [--set PATH=VALUE]
 *
 * Prints JSON: seconds of the search alone (a float32 product of all latents with all codes, and the smallest of each row), of encoding
 * with the search (the tokens of pre-training), and with --training of a whole training step of the tokenizer against a fresh perceptual
 * network of the recipe's shape; the search's share of each in time and in operations. The fastest of a few calls counts.
 */
import { parseArgs } from "node:util";
import { generatedPicture } from "@peco/data";
import { encode, initVisionTransformer, nearestCodes, perceptualFeatures, startCodebook } from "@peco/models";
import { fold, key } from "@peco/random";
import { loadRecipe, type Recipe } from "@peco/recipes";
import { codebookStep, initAutoencoder, initialCodebookState } from "@peco/tokenizer-service";
import { frozenStep, wholeStep } from "@peco/training";
import { configure, countFlops, type HostArray, jit, random, State, tf } from "tfjs-libtensorflow";

const { values } = parseArgs({
  options: {
    recipe: { type: "string", default: "imagenet/peco-vit-b16-300ep" },
    threads: { type: "string", default: "2" },
    batch: { type: "string", default: "2" },
    training: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
  },
});

const threads = Number(values.threads);
configure({ intraOpThreads: threads, interOpThreads: threads });
const { recipe } = loadRecipe(values.recipe, { sets: values.set });
console.log(JSON.stringify(await shares(recipe), null, 2));

async function shares(whole: Recipe) {
  const images = Number(values.batch);
  // so few latents cannot be drawn for so many codes, and codes are given here: none starts anew
  const own = { ...whole.codebook, batch: images, restartBelow: 0 };
  const { size, width, channels } = own;
  const pixels = own.pictureSize ?? whole.image.size;
  const latents = images * (pixels / 2 ** channels.length) ** 2;
  const autoencoder = initAutoencoder(own, random.key(2));
  const vectors = random.normal(random.key(3), [size, width]) as tf.Tensor2D;
  const pictures = picturesOf(images, pixels);
  const rows = tf.tidy(() => (random.normal(random.key(4), [latents, width]) as tf.Tensor2D).dataSync());
  const points: HostArray<"float32"> = { dtype: "float32", shape: [latents, width], data: Float32Array.from(rows) };

  await using search = frozenStep(whole.runtime, "search", ({ points }: { readonly points: tf.Tensor2D }) => ({
    tokens: nearestCodes(points, vectors),
  }));
  await using encoding = frozenStep(whole.runtime, "encode", ({ pictures }: { readonly pictures: tf.Tensor4D }) => {
    const grid = encode(autoencoder, pictures, whole.image);
    return { tokens: nearestCodes(tf.reshape(grid, [-1, width]), vectors) };
  });
  const searchSeconds = await fastest(() => search.run({ points }), 5);
  const encodeSeconds = await fastest(() => encoding.run({ pictures }), 3);
  const searchGflop = (2 * latents * size * width) / 1e9;
  const figures = {
    ...{ recipe: values.recipe, threads, images, codes: size, width, latents, searchSeconds, searchGflop },
    encode: { seconds: encodeSeconds, searchShare: searchSeconds / encodeSeconds },
  };
  if (!values.training) return figures;
  const step = await trainingStep(whole, own, autoencoder, vectors, pictures);
  const training = {
    ...step,
    searchShare: searchSeconds / step.seconds,
    searchShareOfOperations: searchGflop / step.gflop,
  };
  return { ...figures, training };
}

async function trainingStep(
  whole: Recipe,
  own: Recipe["codebook"],
  autoencoder: ReturnType<typeof initAutoencoder>,
  vectors: tf.Tensor2D,
  images: HostArray<"uint8">,
): Promise<{ seconds: number; gflop: number }> {
  const vit = { ...whole.image, size: images.shape[1] as number, ...(whole.perceptualNetwork.vit ?? whole.vit) };
  const network = initVisionTransformer(random.key(5), vit, "encoder");
  const features = perceptualFeatures(network, vit, own.loss.layers);
  const options = { recipe: own, normalisation: whole.image, precision: whole.runtime.precision, features };
  const step = jit(wholeStep(codebookStep(options)), { name: "tokenizer", compiler: whole.runtime.compiler });
  const initial = initialCodebookState(own, autoencoder, startCodebook(vectors, 1, own));
  await using state = State.of(initial);
  const batch = { data: { images }, hyper: { lr: 1e-5, adversarial: 1 } };
  const seconds = await fastest(() => step.run(state, batch, random.key(6)), 2);
  const gflop = countFlops(step.program(state, batch)) / 1e9;
  step.dispose();
  return { seconds, gflop };
}

/** Seconds of the fastest call, after one that compiles. */
async function fastest(call: () => Promise<unknown>, calls: number): Promise<number> {
  await call();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    await call();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

function picturesOf(count: number, size: number): HostArray<"uint8"> {
  const drawn = Array.from({ length: count }, (_, i) => generatedPicture(fold(key(1n), i), size).pixels);
  return { dtype: "uint8", shape: [count, size, size, 3], data: new Uint8Array(Buffer.concat(drawn)) };
}
