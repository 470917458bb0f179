import { stageBatches } from "@peco/data";
import { perceptualFeatures } from "@peco/models";
import { lrSchedule } from "@peco/nn";
import type { Stage } from "@peco/stage";
import {
  loadPerceptualNetwork,
  openData,
  publishModel,
  StageCheckpoints,
  type TokenizerConfig,
  train,
  useThreads,
} from "@peco/training";
import { jit, random } from "tfjs-libtensorflow";
import { firstCodebook } from "./codebook-start.ts";
import { codebookStep, initAutoencoder, initialCodebookState } from "./codebook-step.ts";

/**
 * The stage `codebook`: trains the VQ autoencoder and its codebook on the training pictures against the frozen
 * perceptual network, and publishes them as a `tokenizer`.
 */
export const codebookStage: Stage = async (context) => {
  useThreads(context);
  const { recipe, spec, store } = context;
  const own = recipe.codebook;
  const steps = spec.preflight ? 1 : own.steps;
  const key = random.fold(random.key(spec.seed), spec.stage);
  using perceptual = await loadPerceptualNetwork(store, spec.inputs["perceptualNetwork"] ?? "");
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const batches = data.batches(stageBatches("codebook", recipe, spec.seed));
  const step = codebookStep({
    recipe: own,
    normalisation: recipe.image,
    precision: recipe.runtime.precision,
    features: perceptualFeatures(perceptual.vit, perceptual.config, own.loss.layers),
  });
  const { channels, residualBlocks, width, size: codes } = own;
  const config: TokenizerConfig = { channels, residualBlocks, width, codes };
  const tokensPerPicture = (recipe.image.size / recipe.image.patch) ** 2;
  const lr = lrSchedule(own.optimizer, steps);
  using after = new DisposableStack();
  const compiled = after.adopt(jit(step, { name: spec.stage, compiler: recipe.runtime.compiler }), (it) =>
    it.dispose(),
  );
  const trained = await train(context, await StageCheckpoints.open(context), {
    part: "vq",
    steps,
    initial: async () => {
      const autoencoder = initAutoencoder(own, random.fold(key, "start"));
      const start = random.fold(key, "codes");
      const codebook = await firstCodebook(own, autoencoder, recipe.image, batches, tokensPerPicture, start);
      return initialCodebookState(own, autoencoder, codebook);
    },
    compiled,
    batches,
    hyper: (at) => ({ lr: lr(at) }),
    key: random.fold(key, "steps"),
    imagesPerStep: own.batch,
  });
  const artifact = await publishModel(context, {
    kind: "tokenizer",
    weights: Object.fromEntries(Object.entries(trained.state).filter(([path]) => !path.startsWith("slots."))),
    config,
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.history.at(-1), ...trained.metrics } };
};
