import {
  type DallEEncoder,
  dallEEncoder,
  dallEShape,
  encodeTokens,
  type Features,
  initVisionTransformer,
  initVqAutoencoder,
  lpipsFeatures,
  nearestCodes,
  perceptualFeatures,
  perceptualPresets,
  type Vgg16,
  type VisionTransformer,
  type VisionTransformerConfig,
  vgg16Convolutions,
  vgg16Widths,
} from "@peco/models";
import type { Recipe } from "@peco/recipes";
import { type Shapes, shapesOf, tf } from "tfjs-libtensorflow";

/** A network that a step holds fixed: the shapes of its weights, and what it does with them. */
export interface FrozenNetwork<R> {
  readonly shapes: Shapes<unknown>;
  with(weights: unknown): R;
}

/** The perceptual network of a recipe, as the tokenizer's loss sees it. */
export function frozenFeatures(recipe: Recipe): FrozenNetwork<Features> {
  const { layers } = recipe.codebook.loss;
  const vit = perceptualVit(recipe);
  if (vit === null) {
    const { vgg16 } = perceptualPresets;
    return {
      shapes: shapesOf(vgg16Weights),
      with: (weights) => lpipsFeatures(weights as Vgg16, { mean: [...vgg16.mean], std: [...vgg16.std] }, layers),
    };
  }
  return {
    shapes: shapesOf((key) => initVisionTransformer(key, vit, "encoder")),
    with: (weights) => perceptualFeatures(weights as VisionTransformer, vit, layers),
  };
}

/** The shape of the perceptual network for the tokenizer's pictures; null: VGG-16. */
export function perceptualVit({
  image,
  vit,
  perceptualNetwork: own,
  codebook,
}: Recipe): VisionTransformerConfig | null {
  const size = codebook.pictureSize ?? image.size;
  if (own.source !== "weights" || own.preset === null) return { ...image, ...(own.vit ?? vit), size };
  const preset = perceptualPresets[own.preset].vit;
  return preset === null ? null : { ...preset, size };
}

/** A tokenizer's encoder and its codes, and the pixels along a side of the pictures that it takes in pre-training. */
export interface PlannedTokenizer extends FrozenNetwork<(pictures: tf.Tensor4D) => tf.Tensor> {
  readonly codes: number;
  readonly pictureSize: number;
}

/** The tokenizer of a recipe, as pre-training sees it. */
export function frozenTokenizer(recipe: Recipe): PlannedTokenizer {
  const { codebook, image } = recipe;
  const grid = image.size / image.patch;
  const codes = codebook.source === "dall-e" ? dallEShape.codes : codebook.size;
  if (codebook.source === "dall-e") {
    const encode = (weights: unknown) => (pictures: tf.Tensor4D) => dallEEncoder(weights as DallEEncoder, pictures);
    return { codes, pictureSize: 8 * grid, shapes: shapesOf(dallEWeights), with: encode };
  }
  if (codebook.source === "feature-kmeans") return clusters(recipe);
  return {
    codes,
    pictureSize: grid * 2 ** codebook.channels.length,
    shapes: shapesOf((key) => ({
      autoencoder: initVqAutoencoder(codebook, key),
      vectors: tf.zeros([codes, codebook.width]),
    })),
    with: (weights) => {
      const { autoencoder, vectors } = weights as { autoencoder: never; vectors: tf.Tensor2D };
      return (pictures) => encodeTokens(autoencoder, vectors, pictures, image);
    },
  };
}

function clusters(recipe: Recipe): PlannedTokenizer {
  const features = frozenFeatures(recipe);
  const { size: codes } = recipe.codebook;
  const { width } = perceptualVit(recipe) ?? { width: vgg16Widths[4] };
  return {
    codes,
    pictureSize: recipe.codebook.pictureSize ?? recipe.image.size,
    shapes: { network: features.shapes, vectors: shapesOf(() => tf.zeros([codes, width])) } as never,
    with: (weights) => {
      const { network, vectors } = weights as { network: unknown; vectors: tf.Tensor2D };
      return (pictures) => {
        const last = features.with(network)(pictures).at(-1) as tf.Tensor3D;
        return nearestCodes(tf.reshape(last, [-1, width]), vectors);
      };
    },
  };
}

const convolution = (kernel: number, inputs: number, outputs: number) => ({
  kernel: tf.zeros<tf.Rank.R4>([kernel, kernel, inputs, outputs]),
  bias: tf.zeros<tf.Rank.R1>([outputs]),
});

function vgg16Weights(): Vgg16 {
  return {
    blocks: vgg16Convolutions.map((count, block) =>
      Array.from({ length: count }, (_, i) => {
        const outputs = vgg16Widths[block] as number;
        return convolution(3, i > 0 ? outputs : (vgg16Widths[block - 1] ?? 3), outputs);
      }),
    ),
  };
}

function dallEWeights(): DallEEncoder {
  const { hidden, groups, blocksPerGroup, codes } = dallEShape;
  const widthOf = (group: number) => hidden * 2 ** Math.max(0, group);
  const block = (inputs: number, outputs: number): DallEEncoder["groups"][number][number] => ({
    ...(inputs === outputs ? {} : { shortcut: convolution(1, inputs, outputs) }),
    path: [
      convolution(3, inputs, outputs / 4),
      convolution(3, outputs / 4, outputs / 4),
      convolution(3, outputs / 4, outputs / 4),
      convolution(1, outputs / 4, outputs),
    ],
  });
  return {
    input: convolution(7, 3, hidden),
    groups: Array.from({ length: groups }, (_, group) =>
      Array.from({ length: blocksPerGroup }, (__, i) => block(widthOf(i > 0 ? group : group - 1), widthOf(group))),
    ),
    output: convolution(1, widthOf(groups - 1), codes),
  };
}
