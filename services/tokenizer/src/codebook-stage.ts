import { basename } from "node:path";
import { stageBatches, stageDivision, tokenizerPictureSize } from "@peco/data";
import { dallEShape, importDallE } from "@peco/models";
import { lrSchedule } from "@peco/nn";
import type { Stage, StageContext, StageOutput } from "@peco/stage";
import {
  compileStep,
  loadPerceptualNetwork,
  openData,
  publishModel,
  readWeightsFile,
  StageCheckpoints,
  train,
  useThreads,
  vqTokenizerConfig,
} from "@peco/training";
import { random } from "tfjs-libtensorflow";
import { firstCodebook } from "./codebook-start.ts";
import { initAutoencoder, initialCodebookState, tokenizerWeights } from "./codebook-state.ts";
import { codebookStep } from "./codebook-step.ts";
import { featureClusters } from "./feature-clusters.ts";

/** The stage `codebook`: makes the `tokenizer` that the recipe's `codebook.source` names. */
export const codebookStage: Stage = async (context) => {
  useThreads(context);
  const { source } = context.recipe.codebook;
  if (source === "dall-e") return dallEEncoderOf(context);
  return source === "feature-kmeans" ? featureClusters(context) : trainAutoencoder(context);
};

/**
 * Publishes DALL-E's encoder from a file of weights as a tokenizer, at the size at which its tokens lie on the grid of patches.
 *
 * @throws WeightsMismatch WeightsChanged SafetensorsError
 */
async function dallEEncoderOf(context: StageContext): Promise<StageOutput> {
  const { digest, tensors } = await readWeightsFile(context);
  const size = tokenizerPictureSize(context.recipe);
  const figures = { steps: 0, images: 0, gflop: 0 };
  const licence = "OpenAI's Modified MIT licence";
  const file = basename(context.spec.weights ?? "");
  context.emit({ kind: "note", text: `the weights of ${file} (dall-e) are under ${licence}` });
  const artifact = await publishModel(context, {
    kind: "tokenizer",
    weights: importDallE(tensors),
    config: { source: "dall-e", codes: dallEShape.codes },
    // it prepares pictures by its own rule
    preprocessing: { size, mean: [0, 0, 0], std: [1, 1, 1] },
    origin: { preset: "dall-e", digest, licence },
    history: [],
    figures,
  });
  return { artifact, metrics: { ...figures, preset: "dall-e", file, licence } };
}

/**
 * Trains the VQ autoencoder and its codebook on the training pictures, against the frozen perceptual network where the
 * loss asks for one.
 */
async function trainAutoencoder(context: StageContext): Promise<StageOutput> {
  const { recipe, spec, store } = context;
  const own = recipe.codebook;
  const steps = spec.preflight ? 1 : own.steps;
  const key = random.fold(random.key(spec.seed), spec.stage);
  using perceptual =
    own.loss.perceptual > 0 ? await loadPerceptualNetwork(store, spec.inputs["perceptualNetwork"] ?? "") : null;
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const batches = data.batches(stageBatches("codebook", recipe, spec.seed));
  const step = codebookStep({
    recipe: own,
    normalisation: recipe.image,
    precision: recipe.runtime.precision,
    features: perceptual === null ? () => [] : perceptual.features(own.loss.layers),
  });
  const tokensPerPicture = ((own.pictureSize ?? recipe.image.size) / 2 ** own.channels.length) ** 2;
  const lr = lrSchedule(own.optimizer, steps);
  using after = new DisposableStack();
  const division = stageDivision("codebook", recipe);
  const compiled = after.adopt(
    compileStep(step, { name: spec.stage, compiler: recipe.runtime.compiler, division }),
    (it) => it.dispose(),
  );
  const trained = await train(context, await StageCheckpoints.open(context), {
    part: "vq",
    steps,
    initial: async () => {
      const autoencoder = initAutoencoder(own, random.fold(key, "start"));
      const start = random.fold(key, "codes");
      const codebook = await firstCodebook(own, autoencoder, recipe.image, batches, tokensPerPicture, start);
      return initialCodebookState(own, autoencoder, codebook, random.fold(key, "discriminator"));
    },
    compiled,
    batches,
    hyper: (at) => ({
      lr: lr(at),
      ...(own.adversarial !== null && { adversarial: at >= own.adversarial.startStep ? 1 : 0 }),
    }),
    key: random.fold(key, "steps"),
    imagesPerStep: own.batch,
  });
  const artifact = await publishModel(context, {
    kind: "tokenizer",
    weights: tokenizerWeights(own, trained.state),
    config: vqTokenizerConfig(own),
    preprocessing: { size: tokenizerPictureSize(recipe), mean: recipe.image.mean, std: recipe.image.std },
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.history.at(-1), ...trained.metrics } };
}
