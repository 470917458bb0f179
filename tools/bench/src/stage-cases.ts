import { generatedClasses, generatedPicture } from "@peco/data";
import { finetuneStep, initFinetuning } from "@peco/finetuner-service";
import { drawMask } from "@peco/masking";
import { encodeTokens, keyMomentum, perceptualFeatures, sinCosPositions } from "@peco/models";
import { lrSchedule } from "@peco/nn";
import { initPretraining, pretrainStep } from "@peco/pretrainer-service";
import { fold, key, stream } from "@peco/random";
import type { Recipe } from "@peco/recipes";
import {
  codebookStep,
  firstCodebook,
  initAutoencoder,
  initialCodebookState,
  initPerceptualNetwork,
  perceptualNetworkStep,
} from "@peco/tokenizer-service";
import { wholeStep } from "@peco/training";
import { type HostArray, tf } from "tfjs-libtensorflow";
import type { AnyTree, Case, Precision } from "./case.ts";

/** The schedules are taken at this step: late enough that the learning rate is not 0. */
const atStep = 20;
const seed = key(1n);

/**
 * The trainers' own steps by a recipe: the functions that the services run, on generated pictures that are ready in memory. Networks that
 * a step holds fixed are fresh ones. No code of the codebook starts again, since where it would is drawn at random.
 */
export async function stageCases(recipe: Recipe): Promise<Case[]> {
  const { autoencoder, codebook } = await tokenizer(recipe);
  return [
    perceptualNetwork(recipe),
    codebookCase(recipe, autoencoder, codebook),
    pretrain(recipe, autoencoder, codebook),
    finetune(recipe),
  ];
}

function perceptualNetwork(recipe: Recipe): Case {
  const own = recipe.perceptualNetwork;
  const options = { vit: { ...recipe.image, ...recipe.vit }, recipe: own };
  const momentum = keyMomentum(own.momentum, atStep, own.steps);
  return {
    name: "perceptual-network",
    images: own.batch,
    config: { ...options, image: recipe.image },
    frozen: positions(recipe),
    state: () => initPerceptualNetwork({ ...options, precision: "float32" }, seed),
    batch: () => ({
      data: { view1: pictures(recipe, own.batch).images, view2: mirrored(pictures(recipe, own.batch).images) },
      hyper: { lr: lrSchedule(own.optimizer, own.steps)(atStep), momentum },
    }),
    step: (precision) => perceptualNetworkStep({ ...options, precision }),
  };
}

function codebookCase(recipe: Recipe, autoencoder: AnyTree, codebook: AnyTree): Case {
  const own = { ...recipe.codebook, restartBelow: 0 };
  const vit = { ...recipe.image, ...recipe.vit };
  const { encoder } = encoderOf(recipe);
  return {
    name: "codebook",
    images: own.batch,
    config: { recipe: own, vit, image: recipe.image },
    frozen: { perceptual: encoder, ...positions(recipe) },
    state: () => {
      const start = { autoencoder: copy(autoencoder), codebook: copy(codebook) };
      return initialCodebookState(own, start.autoencoder, start.codebook);
    },
    batch: () => ({
      data: { images: pictures(recipe, own.batch).images },
      hyper: { lr: lrSchedule(own.optimizer, own.steps)(atStep) },
    }),
    step: (precision) => {
      const features = perceptualFeatures(encoder, vit, own.loss.layers);
      return wholeStep(codebookStep({ recipe: own, normalisation: recipe.image, precision, features }));
    },
  };
}

function pretrain(recipe: Recipe, autoencoder: AnyTree, codebook: AnyTree): Case {
  const own = recipe.pretrain;
  const tokenise = (shown: tf.Tensor4D) => encodeTokens(autoencoder, codebook.vectors, shown, recipe.image);
  const options = (precision: Precision) => ({
    vit: { ...recipe.image, ...recipe.vit },
    recipe: own,
    dropPath: recipe.vit.dropPath,
    precision,
    recompute: recipe.runtime.recompute,
    tokenizer: { codes: recipe.codebook.size, tokenise },
  });
  return {
    name: "pretrain",
    images: own.batch,
    config: { recipe: own, vit: options("float32").vit, image: recipe.image },
    frozen: { autoencoder, codebook, ...positions(recipe) },
    state: () => initPretraining(options("float32"), seed),
    batch: () => ({
      data: {
        view1: pictures(recipe, own.batch).images,
        view2: pictures(recipe, own.batch, side(recipe) * 2 ** recipe.codebook.channels.length).images,
        mask: masks(recipe),
      },
      hyper: { lr: lrSchedule(own.optimizer, own.steps)(atStep) },
    }),
    step: (precision) => wholeStep(pretrainStep(options(precision))),
  };
}

function finetune(recipe: Recipe): Case {
  const own = recipe.finetune;
  const lr = own.lrs[0] as number;
  const options = {
    vit: { ...recipe.image, ...recipe.vit },
    recipe: own,
    recompute: recipe.runtime.recompute,
    classes: generatedClasses.length,
  };
  return {
    name: "finetune",
    images: own.batch,
    config: { ...options, image: recipe.image },
    frozen: positions(recipe),
    state: () => initFinetuning({ ...options, precision: "float32" }, seed),
    batch: () => ({
      data: pictures(recipe, own.batch),
      hyper: { lr: lrSchedule({ ...own.optimizer, lr }, own.steps)(atStep) },
    }),
    step: (precision) => wholeStep(finetuneStep({ ...options, precision })),
  };
}

/** An untrained autoencoder with the codes that its first batch gives. */
async function tokenizer(recipe: Recipe): Promise<{ autoencoder: AnyTree; codebook: AnyTree }> {
  const autoencoder = initAutoencoder(recipe.codebook, seed);
  const batches = { at: async () => ({ images: pictures(recipe, recipe.codebook.batch).images }) };
  const whole = { ...recipe.codebook, microBatch: null };
  const codebook = await firstCodebook(whole, autoencoder, recipe.image, batches, side(recipe) ** 2, seed);
  return { autoencoder, codebook };
}

/** A fresh encoder in place of the trained perceptual network. */
function encoderOf(recipe: Recipe): AnyTree {
  const options = { vit: { ...recipe.image, ...recipe.vit }, recipe: recipe.perceptualNetwork };
  const { query, key: keys, slots } = initPerceptualNetwork({ ...options, precision: "float32" }, seed);
  tf.dispose([query.projector, query.predictor, keys.projector, slots] as AnyTree);
  return query;
}

/** Fixed positions, which are no parameters: for peers. */
function positions(recipe: Recipe): { positions?: tf.Tensor } {
  const { width, positions: kind } = recipe.vit;
  if (kind !== "sincos") return {};
  return { positions: tf.tensor(sinCosPositions(side(recipe), side(recipe), width), [1, side(recipe) ** 2, width]) };
}

function side({ image }: Recipe): number {
  return image.size / image.patch;
}

function copy(tree: AnyTree): AnyTree {
  if (tree instanceof tf.Tensor) return tf.clone(tree);
  if (Array.isArray(tree)) return tree.map(copy);
  return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, copy(part)]));
}

function pictures(recipe: Recipe, batch: number, size = recipe.image.size) {
  const drawn = Array.from({ length: batch }, (_, i) => generatedPicture(fold(seed, i), size));
  const data = Uint8Array.from(drawn.flatMap(({ pixels }) => [...pixels]));
  return {
    images: { dtype: "uint8", shape: [batch, size, size, 3], data } as HostArray<"uint8">,
    labels: { dtype: "int32", shape: [batch], data: Int32Array.from(drawn.map(({ label }) => label)) } as HostArray,
  };
}

/** Each picture as in a mirror: another view of it. */
function mirrored({ shape, data }: HostArray<"uint8">): HostArray<"uint8"> {
  const [, , width, channels] = shape as [number, number, number, number];
  const row = width * channels;
  const at = (i: number) => i - (i % row) + (row - channels - ((i % row) - (i % channels))) + (i % channels);
  return { dtype: "uint8", shape, data: data.map((_, i) => data[at(i)] as number) };
}

function masks(recipe: Recipe): HostArray {
  const { batch, mask } = recipe.pretrain;
  const options = { rows: side(recipe), columns: side(recipe), ...mask };
  const all = Array.from({ length: batch }, (_, i) => drawMask(stream(fold(seed, "mask", i)), options));
  return { dtype: "uint8", shape: [batch, side(recipe) ** 2], data: Uint8Array.from(all.flatMap((m) => [...m])) };
}
