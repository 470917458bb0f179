import { type Dataset, stageBatches, stageDivision } from "@peco/data";
import { mean } from "@peco/metrics";
import { lrSchedule } from "@peco/nn";
import type { Stage, StageContext } from "@peco/stage";
import {
  compileStep,
  Diverged,
  openData,
  type Preprocessing,
  preprocessing,
  publishModel,
  StageCheckpoints,
  subtree,
  type Trained,
  type Training,
  train,
  useThreads,
} from "@peco/training";
import { type HostArray, random, type State, tf } from "tfjs-libtensorflow";
import { TooFewLabels } from "./errors.ts";
import { type FinetuneOptions, type FinetuneState, finetuneStep, initFinetuning } from "./finetune-step.ts";
import { loadStartNetwork, type StartNetwork } from "./start-network.ts";
import { Validation } from "./validation.ts";

/** One network to train: `repeat` counts from 1 and names start, order of pictures and draws, alike for all rates. */
interface Attempt {
  readonly lr: number;
  readonly repeat: number;
}

/** Share of right answers on the validation split, and after how many steps. */
interface Validated {
  readonly step: number;
  readonly validation: number;
}

/** What is told about a trained network; its weights are those after the last step. */
interface NetworkFigures extends Attempt {
  /** After the last step. */
  readonly validation: number;
  /** The best of all validations, the earliest of equal ones. */
  readonly best: Validated;
  /** The same of the moving average of the weights; null where the recipe has none. */
  readonly average: { readonly validation: number; readonly best: Validated } | null;
}

/** A trained network. */
interface Tried {
  readonly part: string;
  readonly trained: Trained;
  readonly figures: NetworkFigures;
}

/** A training that ended because its loss or gradient was not finite. */
interface DivergedAttempt extends Attempt {
  /** Steps that were done before. */
  readonly step: number;
}

/**
 * The stages `finetune` (from the network that the recipe names) and `finetune-from-scratch` (from fresh weights): trains
 * each learning rate `repeats` times, and publishes all networks as one `classifier` together with the rate whose networks
 * are best on the validation split after their last step. A rate of which a network diverges is reported and left out. The
 * test split is not looked at.
 *
 * @throws Diverged when all rates do
 * @throws TooFewLabels
 */
export const finetuneStage: Stage = async (context) => {
  useThreads(context);
  const { recipe, spec, store } = context;
  await using data = await openData(store, spec.inputs["data"] ?? "");
  const { labels } = recipe.finetune;
  if (labels !== null && labels < data.classes) throw new TooFewLabels(labels, data.classes);
  const start = await loadStartNetwork(context);
  const options: FinetuneOptions = {
    vit: start.config,
    recipe: recipe.finetune,
    precision: recipe.runtime.precision,
    recompute: recipe.runtime.recompute,
    classes: data.classes,
  };
  const { tried, diverged } = await tryAll(context, data, options, start);
  const networks = tried.map(({ figures }) => figures);
  const lr = bestRate(networks);
  const figures = {
    gflop: sum(tried.map(({ trained }) => trained.metrics.gflop)),
    steps: sum(tried.map(({ trained }) => trained.metrics.steps)),
    images: sum(tried.map(({ trained }) => trained.metrics.images)),
  };
  const weights = tried.flatMap(({ trained: { state } }, i) => [
    under(`networks.${i}`, subtree(state, "classifier")),
    under(`averages.${i}`, subtree(state, "average")),
  ]);
  const artifact = await publishModel(context, {
    kind: "classifier",
    weights: Object.assign({}, ...weights),
    config: { vit: options.vit, classes: data.index.classes, lr, networks, diverged },
    preprocessing: preprocessingOf(options),
    ...(start.origin && { origin: start.origin }),
    history: Object.fromEntries(tried.map(({ part, trained }) => [part, trained.history])),
    figures,
  });
  const chosen = networks.filter((network) => network.lr === lr);
  return {
    artifact,
    metrics: {
      ...figures,
      ...timesOf(tried),
      labels: data.places({ split: "train", labelled: true, ...(labels !== null && { balanced: labels }) }).length,
      lr,
      validation: mean(chosen.map(({ validation }) => validation)),
      best: mean(chosen.map(({ best }) => best.validation)),
      networks,
      diverged,
    },
  };
};

/** How the network's own pictures are prepared: `finetune.pictureSize` or the network that is started from may differ from the recipe's `image`. */
function preprocessingOf({ vit: { size, mean, std } }: FinetuneOptions): Preprocessing {
  return preprocessing.parse({ size, mean, std });
}

/** Trains and validates every network, those of one learning rate after the other. */
async function tryAll(
  context: StageContext,
  data: Dataset,
  options: FinetuneOptions,
  start: StartNetwork,
): Promise<{ tried: Tried[]; diverged: DivergedAttempt[] }> {
  const { recipe, spec } = context;
  const { lrs, repeats } = recipe.finetune;
  const attempts: Attempt[] = lrs
    .flatMap((lr) => Array.from({ length: repeats }, (_, i) => ({ lr, repeat: i + 1 })))
    .slice(0, spec.preflight ? 1 : undefined);
  const checkpoints = await StageCheckpoints.open(context);
  const compiled = compileStep(finetuneStep(options), {
    name: spec.stage,
    compiler: recipe.runtime.compiler,
    division: stageDivision("finetune", recipe),
  });
  const validation = new Validation(context, data, options.vit);
  const tried: Tried[] = [];
  const diverged: (DivergedAttempt & { error: Diverged })[] = [];
  try {
    for (const attempt of attempts) {
      if (diverged.some(({ lr }) => lr === attempt.lr)) continue;
      try {
        const run = trainingOf(context, data, attempt, { options, start, compiled, validation });
        const trained = await train(context, checkpoints, run);
        tried.push({ part: run.part, trained, figures: { ...attempt, ...validatedFigures(trained) } });
      } catch (error) {
        if (!(error instanceof Diverged)) throw error;
        diverged.push({ ...attempt, step: error.step, error });
        context.emit({ kind: "note", text: `${error.message}; this learning rate is left out` });
      }
    }
  } finally {
    compiled.dispose();
    validation.dispose();
    tf.dispose(start.vit as unknown as tf.TensorContainer);
  }
  const kept = tried.filter(({ figures }) => !diverged.some(({ lr }) => lr === figures.lr));
  if (kept.length === 0 && diverged[0] !== undefined) throw diverged[0].error;
  return { tried: kept, diverged: diverged.map(({ error: _, ...attempt }) => attempt) };
}

/** What the training of a network needs beside its own rate and number. */
interface Shared {
  readonly options: FinetuneOptions;
  readonly start: StartNetwork;
  readonly compiled: Training<FinetuneState>["compiled"];
  readonly validation: Validation;
}

/** The training of one network. */
function trainingOf(
  { recipe, spec }: StageContext,
  data: Dataset,
  { lr, repeat }: Attempt,
  { options, start, compiled, validation }: Shared,
): Training<FinetuneState> {
  const own = recipe.finetune;
  const key = random.fold(random.key(spec.seed), spec.stage, repeat);
  const wanted = spec.stage === "finetune-from-scratch" ? (own.fromScratchSteps ?? own.steps) : own.steps;
  const steps = spec.preflight ? 1 : wanted;
  const schedule = lrSchedule({ ...own.optimizer, lr }, steps);
  // What RandAugment fills with is the mean's colour, and the mean is the network's own.
  const image = { ...recipe.image, mean: preprocessingOf(options).mean };
  const batches = stageBatches("finetune", { ...recipe, image }, spec.seed);
  return {
    part: `lr ${lr}, repeat ${repeat}`,
    steps,
    initial: () => initFinetuning(options, random.fold(key, "start"), start.vit),
    compiled,
    batches: data.batches({ ...batches, stage: `${spec.stage}/${repeat}` }),
    hyper: (step) => ({ lr: schedule(step) }),
    key: random.fold(key, "steps"),
    imagesPerStep: own.batch,
    evaluation: { everySteps: own.validateEverySteps, measure: (state) => measure(validation, state) },
  };
}

/** Validates the weights, and their moving average where there is one. */
async function measure(validation: Validation, state: State<FinetuneState>): Promise<Record<string, number>> {
  const tensors = state.tensors();
  try {
    const top1 = await validation.top1(tensors.classifier);
    if (tensors.average === undefined) return { top1 };
    return { top1, averageTop1: await validation.top1(tensors.average) };
  } finally {
    tf.dispose(tensors as unknown as tf.TensorContainer);
  }
}

/** The last and the best of a network's validations. */
function validatedFigures({ evaluations }: Trained): Omit<NetworkFigures, keyof Attempt> {
  const of = (name: string) => {
    const rows = evaluations.map((row): Validated => ({ step: row.step, validation: row[name] as number }));
    const best = rows.reduce((best, row) => (row.validation > best.validation ? row : best));
    return { validation: rows.at(-1)?.validation as number, best };
  };
  const averaged = evaluations[0]?.["averageTop1"] !== undefined;
  return { ...of("top1"), average: averaged ? of("averageTop1") : null };
}

/** The learning rate whose networks are best on validation on average; the first of equal ones. */
export function bestRate(tried: readonly { readonly lr: number; readonly validation: number }[]): number {
  const rates = [...new Set(tried.map(({ lr }) => lr))];
  const score = (rate: number) => mean(tried.filter(({ lr }) => lr === rate).map(({ validation }) => validation));
  return rates.reduce((best, rate) => (score(rate) > score(best) ? rate : best));
}

/** Seconds in steps of all networks, and the share of them spent waiting for batches. */
function timesOf(tried: readonly Tried[]) {
  const metrics = tried.map(({ trained }) => trained.metrics);
  const stepSeconds = sum(metrics.map((network) => network.stepSeconds));
  const waited = sum(metrics.map((network) => network.waitShare * network.stepSeconds));
  return {
    stepSeconds,
    stepsTimed: sum(metrics.map(({ stepsTimed }) => stepsTimed)),
    waitShare: stepSeconds > 0 ? waited / stepSeconds : 0,
  };
}

function under(prefix: string, weights: Readonly<Record<string, HostArray>>): Record<string, HostArray> {
  return Object.fromEntries(Object.entries(weights).map(([path, leaf]) => [`${prefix}.${path}`, leaf]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
