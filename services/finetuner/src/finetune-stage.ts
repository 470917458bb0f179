import { type Dataset, stageBatches } from "@peco/data";
import { mean } from "@peco/metrics";
import type { MaskedModel, VisionTransformer } from "@peco/models";
import { lrSchedule } from "@peco/nn";
import type { Stage, StageContext } from "@peco/stage";
import {
  loadModel,
  openData,
  publishModel,
  StageCheckpoints,
  subtree,
  type Trained,
  tensorsOf,
  train,
  useThreads,
  visionTransformerConfig,
} from "@peco/training";
import { type HostArray, jit, random, tf } from "tfjs-libtensorflow";
import { type FinetuneOptions, finetuneStep, initFinetuning } from "./finetune-step.ts";
import { Validation } from "./validation.ts";

/** One network to train: `repeat` counts from 1 and names start, order of pictures and draws, alike for all rates. */
interface Attempt {
  readonly lr: number;
  readonly repeat: number;
}

/** A trained network and its share of right answers on the validation split. */
interface Tried extends Attempt {
  readonly part: string;
  readonly trained: Trained;
  readonly validation: number;
}

/**
 * The stages `finetune` (from the pre-trained network) and `finetune-from-scratch` (from fresh weights, with the same
 * budget): trains each learning rate `repeats` times, and publishes all networks as one `classifier` together with the
 * rate whose networks are best on the validation split. The test split is not looked at.
 */
export const finetuneStage: Stage = async (context) => {
  useThreads(context);
  const { recipe, spec, store } = context;
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const options: FinetuneOptions = {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: recipe.finetune,
    precision: recipe.runtime.precision,
    classes: data.classes,
  };
  const tried = await tryAll(context, data, options);
  const lr = bestRate(tried);
  const figures = {
    gflop: sum(tried.map(({ trained }) => trained.metrics.gflop)),
    steps: sum(tried.map(({ trained }) => trained.metrics.steps)),
    images: sum(tried.map(({ trained }) => trained.metrics.images)),
  };
  const networks = tried.map(({ lr, repeat, validation }) => ({ lr, repeat, validation }));
  const artifact = await publishModel(context, {
    kind: "classifier",
    weights: Object.assign({}, ...tried.map(({ trained }, i) => under(`networks.${i}`, classifierOf(trained)))),
    config: { vit: options.vit, classes: data.index.classes, lr, networks },
    history: Object.fromEntries(tried.map(({ part, trained }) => [part, trained.history])),
    figures,
  });
  const stepSeconds = sum(tried.map(({ trained }) => trained.metrics.stepSeconds));
  const stepsTimed = sum(tried.map(({ trained }) => trained.metrics.stepsTimed));
  const waited = sum(tried.map(({ trained }) => trained.metrics.waitShare * trained.metrics.stepSeconds));
  return {
    artifact,
    metrics: {
      ...figures,
      stepSeconds,
      stepsTimed,
      waitShare: stepSeconds > 0 ? waited / stepSeconds : 0,
      lr,
      validation: mean(networks.filter((network) => network.lr === lr).map(({ validation }) => validation)),
      networks,
    },
  };
};

/** Trains and validates every network, those of one learning rate after the other. */
async function tryAll(context: StageContext, data: Dataset, options: FinetuneOptions): Promise<Tried[]> {
  const { recipe, spec } = context;
  const attempts: Attempt[] = recipe.finetune.lrs
    .flatMap((lr) => Array.from({ length: recipe.finetune.repeats }, (_, i) => ({ lr, repeat: i + 1 })))
    .slice(0, spec.preflight ? 1 : undefined);
  const pretrained = await loadPretrained(context);
  const checkpoints = await StageCheckpoints.open(context);
  const compiled = jit(finetuneStep(options), { name: spec.stage, compiler: recipe.runtime.compiler });
  const validation = new Validation(context, data, options.vit);
  const tried: Tried[] = [];
  try {
    for (const { lr, repeat } of attempts) {
      const part = `lr ${lr}, repeat ${repeat}`;
      const key = random.fold(random.key(spec.seed), spec.stage, repeat);
      const steps = spec.preflight ? 1 : recipe.finetune.steps;
      const schedule = lrSchedule({ ...recipe.finetune.optimizer, lr }, steps);
      const batches = { ...stageBatches("finetune", recipe, spec.seed), stage: `${spec.stage}/${repeat}` };
      const trained = await train(context, checkpoints, {
        part,
        steps,
        initial: () => initFinetuning(options, random.fold(key, "start"), pretrained),
        compiled,
        batches: data.batches(batches),
        hyper: (step) => ({ lr: schedule(step) }),
        key: random.fold(key, "steps"),
        imagesPerStep: recipe.finetune.batch,
      });
      const top1 = await validation.top1(classifierOf(trained));
      context.emit({ kind: "evaluation", part, step: steps, metrics: { top1 } });
      tried.push({ lr, repeat, part, trained, validation: top1 });
    }
  } finally {
    compiled.dispose();
    validation.dispose();
    tf.dispose(pretrained as unknown as tf.TensorContainer);
  }
  return tried;
}

/** The pre-trained network; none when training from scratch. */
async function loadPretrained({ spec, store }: StageContext): Promise<VisionTransformer | undefined> {
  if (spec.stage === "finetune-from-scratch") return undefined;
  const digest = spec.inputs["pretrained"] ?? "";
  const { weights } = await loadModel(store, digest, ["pretrained-vit"], visionTransformerConfig);
  return tensorsOf<MaskedModel["vit"]>(subtree(weights, "vit"));
}

/** The learning rate whose networks are best on validation on average; the first of equal ones. */
export function bestRate(tried: readonly { readonly lr: number; readonly validation: number }[]): number {
  const rates = [...new Set(tried.map(({ lr }) => lr))];
  const score = (rate: number) => mean(tried.filter(({ lr }) => lr === rate).map(({ validation }) => validation));
  return rates.reduce((best, rate) => (score(rate) > score(best) ? rate : best));
}

/** A network's weights without its optimizer slots, by path. */
function classifierOf({ state }: Trained): Record<string, HostArray> {
  return subtree(state, "classifier");
}

function under(prefix: string, weights: Readonly<Record<string, HostArray>>): Record<string, HostArray> {
  return Object.fromEntries(Object.entries(weights).map(([path, leaf]) => [`${prefix}.${path}`, leaf]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
