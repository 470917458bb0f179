import { type FinetuneOptions, finetuneStep, initFinetuning } from "@peco/finetuner-service";
import { startCodebook } from "@peco/models";
import { initPretraining, type PretrainOptions, pretrainStep } from "@peco/pretrainer-service";
import { type Recipe, type StageName, stageGraph } from "@peco/recipes";
import {
  codebookStep,
  initAutoencoder,
  initialCodebookState,
  initPerceptualNetwork,
  perceptualNetworkStep,
} from "@peco/tokenizer-service";
import { wholeStep } from "@peco/training";
import { leafShape, programOf, shapesOf, tf } from "tfjs-libtensorflow";
import { evaluatePrograms } from "./evaluate-programs.ts";
import { frozenFeatures, frozenTokenizer } from "./frozen-networks.ts";
import { hyper, type Making, pictures, record, type StageProgram, shareOf, withFrozen } from "./traced-step.ts";

/** The training steps of the stages that a recipe asks for, in their order. */
export function stagePrograms(recipe: Recipe, classes: number, devices: number): StageProgram[] {
  return stageGraph(recipe, { labelled: true, source: "folder" }).flatMap(({ name, inputs }) => {
    if (name === "evaluate")
      return evaluatePrograms(recipe, { classes, devices, tokenizer: inputs["tokenizer"] !== undefined });
    const counts = countsOf(recipe, name, devices);
    if (counts === null) return [];
    const made = makers[name]?.(recipe, counts.microBatch, classes);
    return made === undefined || made === null
      ? []
      : [{ stage: name, part: null, precision: recipe.runtime.precision, ...counts, ...made }];
  });
}

/** Steps and batches of a stage; a device computes its share of the batch, or as much of it as the recipe has at a time. */
function countsOf(recipe: Recipe, name: StageName, devices: number) {
  const { perceptualNetwork, codebook, pretrain, finetune } = recipe;
  const networks = finetune.lrs.length * finetune.repeats;
  const scratch = finetune.fromScratchSteps ?? finetune.steps;
  const of = (batch: number, steps: number, microBatch: number | null) => {
    const share = shareOf(batch, devices);
    return { batch, steps, microBatch: Math.min(microBatch ?? share, share) };
  };
  switch (name) {
    case "perceptual-network":
      return of(perceptualNetwork.batch, perceptualNetwork.steps, null);
    case "codebook":
      return of(codebook.batch, codebook.steps, codebook.microBatch);
    case "pretrain":
      return of(pretrain.batch, pretrain.steps, pretrain.microBatch);
    case "finetune":
      return of(finetune.batch, finetune.steps * networks, finetune.microBatch);
    case "finetune-from-scratch":
      return of(finetune.batch, scratch * networks, finetune.microBatch);
    default:
      return null;
  }
}

const makers: Partial<Record<StageName, (recipe: Recipe, images: number, classes: number) => Making | null>> = {
  "perceptual-network": perceptualNetwork,
  codebook,
  pretrain,
  finetune,
  "finetune-from-scratch": finetune,
};

/** MoCo v3's step; null where the network is not trained here. */
function perceptualNetwork(recipe: Recipe, images: number): Making | null {
  const own = recipe.perceptualNetwork;
  if (own.source !== "moco") return null;
  const vit = { ...recipe.image, ...(own.vit ?? recipe.vit) };
  const options = { vit, recipe: own, precision: recipe.runtime.precision, recompute: recipe.runtime.recompute };
  const state = shapesOf((key) => initPerceptualNetwork(options, key));
  const { size } = recipe.image;
  const batch = {
    data: { view1: pictures(images, size), view2: pictures(images, size) },
    hyper: hyper("lr", "momentum"),
  };
  const program = programOf("perceptual-network", perceptualNetworkStep(options), state, batch);
  return { program, state: record(state), trained: "query.", frozen: {} };
}

/** The VQ autoencoder's step; null where tokens come from elsewhere. */
function codebook(recipe: Recipe, images: number): Making | null {
  const own = recipe.codebook;
  if (own.source !== "vq") return null;
  const network = own.loss.perceptual > 0 ? frozenFeatures(recipe) : null;
  const size = own.pictureSize ?? recipe.image.size;
  const state = shapesOf((key) =>
    initialCodebookState(own, initAutoencoder(own, key), startCodebook(tf.zeros([own.size, own.width]), 1, own), key),
  );
  const step = (fixed: unknown) => {
    const features = network === null ? () => [] : network.with(fixed);
    return wholeStep(
      codebookStep({ recipe: own, normalisation: recipe.image, precision: recipe.runtime.precision, features }),
    );
  };
  const batch = {
    data: { images: pictures(images, size) },
    hyper: hyper("lr", ...(own.adversarial === null ? [] : ["adversarial"])),
    ...(own.adversarial === null ? { places: leafShape("int32", images) } : {}),
  };
  const frozen = network?.shapes ?? {};
  return { ...withFrozen("codebook", step, state, frozen, batch), trained: "autoencoder." };
}

/** Pre-training's step, the tokenizer in it. */
function pretrain(recipe: Recipe, images: number): Making {
  const { size, patch } = recipe.image;
  const tokenizer = recipe.pretrain.target === "tokens" ? frozenTokenizer(recipe) : null;
  const options = (tokenise: (weights: tf.Tensor4D) => tf.Tensor): PretrainOptions => ({
    vit: { ...recipe.image, ...recipe.vit },
    recipe: recipe.pretrain,
    dropPath: recipe.vit.dropPath,
    precision: recipe.runtime.precision,
    recompute: recipe.runtime.recompute,
    tokenizer: tokenizer && { codes: tokenizer.codes, tokenise },
  });
  const state = shapesOf((key) => initPretraining(options(notRun), key));
  const step = (fixed: unknown) => wholeStep(pretrainStep(options(tokenizer?.with(fixed) ?? notRun)));
  const view2 = tokenizer === null ? {} : { view2: pictures(images, tokenizer.pictureSize) };
  const mask = leafShape("uint8", images, (size / patch) ** 2);
  const batch = {
    data: { view1: pictures(images, size), ...view2, mask },
    hyper: hyper("lr"),
    places: leafShape("int32", images),
  };
  return { ...withFrozen("pretrain", step, state, tokenizer?.shapes ?? {}, batch), trained: "model." };
}

/** Fine-tuning's step for so many classes. */
function finetune(recipe: Recipe, images: number, classes: number): Making {
  const own = recipe.finetune;
  const size = own.pictureSize ?? recipe.image.size;
  const options: FinetuneOptions = {
    vit: { ...recipe.image, ...recipe.vit, size },
    recipe: { ...own, mixGroup: own.mixGroup === null ? null : Math.min(own.mixGroup, images) },
    precision: recipe.runtime.precision,
    recompute: recipe.runtime.recompute,
    classes,
  };
  const state = shapesOf((key) => initFinetuning(options, key));
  const erase = own.erase > 0 ? { erase: leafShape("int32", images, 4) } : {};
  const batch = {
    data: { images: pictures(images, size), labels: leafShape("int32", images), ...erase },
    hyper: hyper("lr"),
    places: leafShape("int32", images),
  };
  return {
    ...withFrozen("finetune", () => wholeStep(finetuneStep(options)), state, {}, batch),
    trained: "classifier.",
  };
}

function notRun(): never {
  throw new TypeError("a tokenizer is not run to know the shape of a state");
}
