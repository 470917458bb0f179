import { stageBatches, stageDivision } from "@peco/data";
import { lrSchedule } from "@peco/nn";
import type { Stage, StageContext, StageOutput } from "@peco/stage";
import {
  compileStep,
  loadPerceptualNetwork,
  openData,
  publishModel,
  StageCheckpoints,
  train,
  useThreads,
  vqTokenizerConfig,
} from "@peco/training";
import { random } from "tfjs-libtensorflow";
import { firstCodebook } from "./codebook-start.ts";
import { initAutoencoder, initialCodebookState } from "./codebook-state.ts";
import { codebookStep } from "./codebook-step.ts";
import { featureClusters } from "./feature-clusters.ts";

/** The stage `codebook`: makes the `tokenizer` that the recipe's `codebook.source` names. */
export const codebookStage: Stage = async (context) => {
  useThreads(context);
  if (context.recipe.codebook.source === "feature-kmeans") return featureClusters(context);
  return trainAutoencoder(context);
};

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
  const tokensPerPicture = (recipe.image.size / recipe.image.patch) ** 2;
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
    weights: Object.fromEntries(
      Object.entries(trained.state).filter(([path]) => /^(autoencoder|codebook)\./.test(path)),
    ),
    config: vqTokenizerConfig(own),
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.history.at(-1), ...trained.metrics } };
}
