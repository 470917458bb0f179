import { type Dataset, type Masked, partCount, stageBatches, stageDivision } from "@peco/data";
import { lrSchedule } from "@peco/nn";
import type { Stage, StageContext } from "@peco/stage";
import {
  type BatchSource,
  compileStep,
  loadTokenizer,
  openData,
  publishModel,
  StageCheckpoints,
  subtree,
  train,
  useThreads,
} from "@peco/training";
import { random } from "tfjs-libtensorflow";
import { initPretraining, type PretrainOptions, pretrainStep } from "./pretrain-step.ts";
import { remoteBatches } from "./remote-batches.ts";

/**
 * The stage `pretrain`: trains a vision transformer to predict the frozen tokenizer's tokens of hidden patches, or
 * their pixels, and publishes it with its head. Batches come from the masking service where there is one; they are the same bytes as those
 * that the library makes.
 */
export const pretrainStage: Stage = async (context) => {
  useThreads(context);
  const { recipe, spec, store } = context;
  const own = recipe.pretrain;
  const steps = spec.preflight ? 1 : own.steps;
  const key = random.fold(random.key(spec.seed), spec.stage);
  using tokenizer = own.target === "pixels" ? null : await loadTokenizer(store, spec.inputs["tokenizer"] ?? "");
  const options: PretrainOptions = {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: own,
    dropPath: recipe.vit.dropPath,
    precision: recipe.runtime.precision,
    recompute: recipe.runtime.recompute,
    tokenizer: tokenizer && { codes: tokenizer.codes, tokenise: tokenizer.tokenise },
  };
  await using batches = await openBatches(context, steps);
  const lr = lrSchedule(own.optimizer, steps);
  using after = new DisposableStack();
  const division = stageDivision("pretrain", recipe);
  const compiled = after.adopt(
    compileStep(pretrainStep(options), { name: spec.stage, compiler: recipe.runtime.compiler, division }),
    (it) => it.dispose(),
  );
  const trained = await train(context, await StageCheckpoints.open(context), {
    part: "vit",
    steps,
    initial: () => initPretraining(options, random.fold(key, "start")),
    compiled,
    batches: batches.source,
    hyper: (step) => ({ lr: lr(step) }),
    key: random.fold(key, "steps"),
    imagesPerStep: own.batch,
  });
  const artifact = await publishModel(context, {
    kind: "pretrained-vit",
    weights: subtree(trained.state, "model"),
    config: { ...options.vit },
    history: trained.history,
    figures: trained.metrics,
  });
  return { artifact, metrics: { ...trained.metrics, ...trained.history.at(-1) } };
};

/** Masked batches by step number, and what has to be closed after them. */
interface OpenBatches extends AsyncDisposable {
  readonly source: BatchSource<Masked>;
}

async function openBatches({ spec, recipe, store }: StageContext, steps: number): Promise<OpenBatches> {
  const data = spec.inputs["data"] ?? "";
  if (spec.masking === null) {
    const pictures: Dataset = await openData(store, data);
    const source = pictures.batches(stageBatches("pretrain", recipe, spec.seed));
    return { source, [Symbol.asyncDispose]: () => pictures.close() };
  }
  const { masking: endpoint, seed } = spec;
  const division = stageDivision("pretrain", recipe);
  const batches = steps * (division === null ? 1 : partCount(division));
  const source = remoteBatches({ endpoint, store: spec.store, data, stage: "pretrain", recipe, seed, steps: batches });
  return { source, [Symbol.asyncDispose]: () => source.close() };
}
