import { stageBatches } from "@peco/data";
import { keyMomentum } from "@peco/models";
import { lrSchedule } from "@peco/nn";
import { fold } from "@peco/random";
import type { Stage } from "@peco/stage";
import { openData, publishModel, StageCheckpoints, subtree, train, useThreads } from "@peco/training";
import { jit, random } from "tfjs-libtensorflow";
import { initPerceptualNetwork, perceptualNetworkStep } from "./perceptual-network-step.ts";

/**
 * The stage `perceptual-network`: trains a vision transformer by MoCo v3 on the training pictures, labels unused, and
 * publishes its query encoder; heads and key network are thrown away.
 */
export const perceptualNetworkStage: Stage = async (context) => {
  useThreads(context);
  const { recipe, spec } = context;
  const own = recipe.perceptualNetwork;
  const steps = spec.preflight ? 1 : own.steps;
  const options = { vit: { ...recipe.image, ...recipe.vit }, recipe: own, precision: recipe.runtime.precision };
  const key = random.fold(random.key(spec.seed), spec.stage);
  await using data = await openData(context.store, spec.inputs["data"] ?? "");
  const step = perceptualNetworkStep(options);
  using after = new DisposableStack();
  const compiled = after.adopt(jit(step, { name: spec.stage, compiler: recipe.runtime.compiler }), (it) =>
    it.dispose(),
  );
  const lr = lrSchedule(own.optimizer, steps);
  const trained = await train(context, await StageCheckpoints.open(context), {
    part: "moco",
    steps,
    initial: () => initPerceptualNetwork(options, fold(key, "start")),
    compiled,
    batches: data.batches(stageBatches("perceptual-network", recipe, spec.seed)),
    hyper: (step) => ({ lr: lr(step), momentum: keyMomentum(own.momentum, step, steps) }),
    key: fold(key, "steps"),
    imagesPerStep: own.batch,
  });
  const artifact = await publishModel(context, {
    kind: "perceptual-network",
    weights: subtree(trained.state, "query.encoder"),
    config: options.vit,
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.history.at(-1), ...trained.metrics } };
};
