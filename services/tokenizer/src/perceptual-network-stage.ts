import { basename } from "node:path";
import { stageBatches } from "@peco/data";
import {
  importPerceptualNetwork,
  keyMomentum,
  type PerceptualPresetName,
  perceptualPresets,
  type VisionTransformerConfig,
} from "@peco/models";
import { lrSchedule } from "@peco/nn";
import { fold, type Key } from "@peco/random";
import type { Recipe } from "@peco/recipes";
import type { Stage, StageContext, StageOutput } from "@peco/stage";
import { openData, publishModel, readWeightsFile, StageCheckpoints, subtree, train, useThreads } from "@peco/training";
import { flatten, type HostArray, jit, random, type Tree, tf } from "tfjs-libtensorflow";
import { initEncoder, initPerceptualNetwork, perceptualNetworkStep } from "./perceptual-network-step.ts";

/** The stage `perceptual-network`: publishes the network whose features say what looks alike, by the recipe's `source`. */
export const perceptualNetworkStage: Stage = async (context) => {
  useThreads(context);
  const start = random.fold(random.key(context.spec.seed), context.spec.stage, "start");
  const { source } = context.recipe.perceptualNetwork;
  if (source === "weights") return takenOver(context);
  return source === "untrained" ? untrained(context, start) : moco(context, start);
};

/** Shape of the network by the recipe: its own, or that which is pre-trained. */
function shapeOf({ image, vit, perceptualNetwork }: Recipe): VisionTransformerConfig {
  return { ...image, ...(perceptualNetwork.vit ?? vit) };
}

/**
 * Trains a vision transformer by MoCo v3 on the training pictures, labels unused, and publishes its query encoder; heads
 * and key network are thrown away.
 */
async function moco(context: StageContext, start: Key): Promise<StageOutput> {
  const { recipe, spec } = context;
  const own = recipe.perceptualNetwork;
  const steps = spec.preflight ? 1 : own.steps;
  const options = {
    vit: shapeOf(recipe),
    recipe: own,
    precision: recipe.runtime.precision,
    recompute: recipe.runtime.recompute,
  };
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
    initial: () => initPerceptualNetwork(options, start),
    compiled,
    batches: data.batches(stageBatches("perceptual-network", recipe, spec.seed)),
    hyper: (step) => ({ lr: lr(step), momentum: keyMomentum(own.momentum, step, steps) }),
    key: fold(random.key(spec.seed), spec.stage, "steps"),
    imagesPerStep: own.batch,
  });
  const artifact = await publishModel(context, {
    kind: "perceptual-network",
    weights: subtree(trained.state, "query.encoder"),
    config: { ...options.vit },
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.history.at(-1), ...trained.metrics } };
}

/** Publishes the network from which MoCo would have started, the control that has seen nothing. */
async function untrained(context: StageContext, start: Key): Promise<StageOutput> {
  const config = shapeOf(context.recipe);
  const weights = await leavesOf(initEncoder(config, start));
  const artifact = await publishModel(context, {
    kind: "perceptual-network",
    weights,
    config: { ...config },
    history: [],
    figures: noWork,
  });
  return { artifact, metrics: noWork };
}

/** Figures of a network that is not trained here. */
const noWork = { steps: 0, images: 0, gflop: 0 };

/** Publishes somebody else's network from a file of weights, prepared for the recipe's pictures, and says its licence. */
async function takenOver(context: StageContext): Promise<StageOutput> {
  const { perceptualNetwork, image } = context.recipe;
  const preset = perceptualNetwork.preset as PerceptualPresetName;
  const { mean, std, licence } = perceptualPresets[preset];
  const { digest, tensors } = await readWeightsFile(context);
  const file = basename(context.spec.weights ?? "");
  context.emit({ kind: "note", text: `the weights of ${file} (${preset}) are under ${licence}` });
  const { vit, weights } = importPerceptualNetwork(preset, tensors, image.size);
  const artifact = await publishModel(context, {
    kind: "perceptual-network",
    weights,
    config: vit === null ? { network: "vgg16" } : { ...vit, dropPath: 0 },
    preprocessing: { size: image.size, mean: [...mean], std: [...std] },
    origin: { preset, digest, licence },
    history: [],
    figures: noWork,
  });
  return { artifact, metrics: { ...noWork, preset, file, licence } };
}

/** The leaves of a tree by dotted path; the tensors are freed. */
async function leavesOf(tree: Tree<tf.Tensor>): Promise<Record<string, HostArray>> {
  const leaves = flatten(tree);
  try {
    const read = leaves.map(async ([path, tensor]): Promise<[string, HostArray]> => {
      const data = await tensor.data<"float32">();
      return [path, { dtype: "float32", shape: tensor.shape, data: Float32Array.from(data) }];
    });
    return Object.fromEntries(await Promise.all(read));
  } finally {
    tf.dispose(leaves.map(([, tensor]) => tensor));
  }
}
