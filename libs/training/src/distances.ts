import type { HostUint8 } from "@peco/data";
import { normaliseFeatures } from "@peco/models";
import { type Compiler, tf } from "tfjs-libtensorflow";
import { frozenStep } from "./frozen-step.ts";
import type { PerceptualNetwork } from "./perceptual-network-model.ts";
import { resized } from "./resized.ts";
import type { Tokenizer } from "./tokenizer-model.ts";

/** A way to say how far pictures are from others. */
export interface Distance extends AsyncDisposable {
  readonly name: "tokens" | "pixels" | "features";
  /** Distances `[rows]` of pictures from those in the same rows, `uint8 [rows, size, size, 3]` both. */
  between(first: HostUint8, second: HostUint8): Promise<Float64Array>;
}

type Runtime = { readonly compiler: Compiler };

/** Squared error of pixels, and what the networks at hand make of pictures. */
export function distancesOf(
  runtime: Runtime,
  { tokenizer, perceptual }: { tokenizer: Tokenizer | null; perceptual: PerceptualNetwork | null },
): Distance[] {
  return [
    ...(tokenizer === null ? [] : [tokenDistance(runtime, tokenizer)]),
    pixelDistance,
    ...(perceptual === null ? [] : [featureDistance(runtime, perceptual)]),
  ];
}

/** Mean squared difference of pixels. */
export const pixelDistance: Distance = {
  name: "pixels",
  between: async (first, second) => {
    const rows = first.shape[0] as number;
    const values = first.data.length / rows;
    return Float64Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let i = row * values; i < (row + 1) * values; i++)
        sum += ((first.data[i] as number) - (second.data[i] as number)) ** 2;
      return sum / values;
    });
  },
  [Symbol.asyncDispose]: async () => undefined,
};

/** Share of places at which tokens differ. */
export function tokenDistance(runtime: Runtime, tokenizer: Tokenizer): Distance {
  const step = frozenStep(runtime, "token distance", ({ first, second }: Pair) => {
    const differ = tf.notEqual(tokenizer.tokenise(first), tokenizer.tokenise(second));
    return { distance: tf.sum<tf.Tensor1D>(tf.cast(differ, "int32"), [1, 2]) };
  });
  const { side, pictureSize } = tokenizer;
  return {
    name: "tokens",
    between: async (first, second) => {
      const { distance } = await step.run({ first: resized(first, pictureSize), second: resized(second, pictureSize) });
      return Float64Array.from(distance.data, (places) => Number(places) / side ** 2);
    },
    [Symbol.asyncDispose]: () => step[Symbol.asyncDispose](),
  };
}

/**
 * Mean over the blocks of the mean squared difference of their features: of a ViT, patch tokens that are layer-normalised
 * without weights; of VGG-16, those of LPIPS.
 */
export function featureDistance(runtime: Runtime, network: PerceptualNetwork): Distance {
  const features = network.features(Array.from({ length: network.depth }, (_, block) => block + 1));
  const norm = network.network === "vit" ? "layernorm" : "none";
  const { size } = network.preprocessing;
  const step = frozenStep(runtime, "feature distance", ({ first, second }: Pair) => {
    const others = features(second);
    const layers = features(first).map((own, layer) => {
      const difference = tf.sub(normaliseFeatures(own, norm), normaliseFeatures(others[layer] as tf.Tensor3D, norm));
      return tf.mean<tf.Tensor1D>(tf.square(difference), [1, 2]);
    });
    return { distance: tf.div<tf.Tensor1D>(tf.addN(layers), layers.length) };
  });
  return {
    name: "features",
    between: async (first, second) => {
      const { distance } = await step.run({ first: resized(first, size), second: resized(second, size) });
      return Float64Array.from(distance.data as Float32Array);
    },
    [Symbol.asyncDispose]: () => step[Symbol.asyncDispose](),
  };
}

type Pair = { readonly first: tf.Tensor4D; readonly second: tf.Tensor4D };
