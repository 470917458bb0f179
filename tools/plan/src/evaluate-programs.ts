import { bagsOfCodes, blockFeatures, initProbes, probeStep } from "@peco/evaluator-service";
import { initVisionTransformer, type VisionTransformer, type VisionTransformerConfig } from "@peco/models";
import type { Recipe } from "@peco/recipes";
import { leafShape, type Shapes, shapesOf, type tf } from "tfjs-libtensorflow";
import { frozenTokenizer, perceptualVit } from "./frozen-networks.ts";
import { hyper, pictures, record, type StageProgram, shareOf, withFrozen } from "./traced-step.ts";

/** What linear classifiers are trained on: frozen features of pictures. */
interface Frozen {
  readonly size: number;
  readonly widths: readonly number[];
  readonly shapes: Shapes<unknown>;
  of(weights: unknown): (images: tf.Tensor4D) => tf.Tensor2D[];
}

/** On what an evaluation is planned. */
interface Options {
  readonly classes: number;
  readonly devices: number;
  /** Whether there is a tokenizer to look at. */
  readonly tokenizer: boolean;
}

/**
 * What `evaluate` trains by AdamW: the probes of every block of the network that fine-tuning begins with and of the random one beside it,
 * and the classifiers of code words (of those, the bag's). None where they are fitted by L-BFGS, to features that lie in memory.
 */
export function evaluatePrograms(recipe: Recipe, { tokenizer, ...options }: Options): StageProgram[] {
  const { probe, codeWords } = recipe.evaluate;
  if (probe.method !== "adamw") return [];
  const network = probedNetwork(recipe);
  return [
    ...(network === null ? [] : [trained(recipe, "probes of two networks", 2, blocksOf(network), options)]),
    ...(tokenizer && codeWords ? [trained(recipe, "code words", 1, bagOf(recipe), options)] : []),
  ];
}

/** The shape of the network that fine-tuning begins with; null: no vision transformer. */
function probedNetwork(recipe: Recipe): VisionTransformerConfig | null {
  const { image, vit, finetune } = recipe;
  if (finetune.start !== "perceptual-network") return { ...image, ...vit };
  const network = perceptualVit(recipe);
  return network && { ...network, size: image.size };
}

const blocksOf = (config: VisionTransformerConfig): Frozen => ({
  size: config.size,
  widths: new Array<number>(config.depth).fill(2 * config.width),
  shapes: shapesOf((key) => initVisionTransformer(key, config, "encoder")),
  of: (weights) => blockFeatures(weights as VisionTransformer, config),
});

function bagOf(recipe: Recipe): Frozen {
  const { codes, pictureSize: size, shapes, with: encoder } = frozenTokenizer(recipe);
  const bag = (weights: unknown) => (images: tf.Tensor4D) => [
    bagsOfCodes(encoder(weights)(images) as tf.Tensor3D, codes),
  ];
  return { size, widths: [codes], shapes, of: bag };
}

/** The step that trains classifiers of frozen features, as often as that many networks take it. */
function trained(
  recipe: Recipe,
  part: string,
  networks: number,
  { size, widths, shapes, of }: Frozen,
  { classes, devices }: Omit<Options, "tokenizer">,
): StageProgram {
  const { labels, adamw } = recipe.evaluate.probe;
  const batch = Math.min(adamw.batch, labels);
  const share = shareOf(batch, devices);
  const { weightDecay } = adamw;
  const state = shapesOf((key) => initProbes(key, { widths, classes, weightDecay }));
  const given = {
    data: { images: pictures(share, size), labels: leafShape("int32", share) },
    hyper: hyper("lr"),
  };
  const step = (fixed: unknown) => probeStep({ widths, of: of(fixed) }, weightDecay);
  return {
    stage: "evaluate",
    part,
    precision: "float32",
    batch,
    microBatch: share,
    steps: networks * adamw.epochs * Math.floor(labels / batch),
    ...withFrozen("evaluate", step, state, shapes, given),
    state: record(state),
    trained: "probes.",
  };
}
