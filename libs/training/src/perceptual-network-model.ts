import type { Store } from "@peco/artifacts";
import {
  type Features,
  lpipsFeatures,
  perceptualFeatures,
  resizeLearnedPositions,
  resizeRelativePositions,
  type Vgg16,
  type VisionTransformer,
  type VisionTransformerConfig,
} from "@peco/models";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { z } from "zod";
import { type LoadedModel, loadModel, WrongArtifact } from "./model-artifact.ts";
import { tensorsOf } from "./nested.ts";
import { visionTransformerConfig } from "./vision-transformer-model.ts";

/** `meta.config` of a VGG-16 as LPIPS has it. */
export const vgg16Config = z.strictObject({ network: z.literal("vgg16") });

interface Frozen extends Omit<LoadedModel<unknown>, "config">, Disposable {
  /** Number of blocks that have features. */
  readonly depth: number;
  /**
   * The features of blocks, counted from 1, of pictures 0..255 that need not lie within these bounds: they are prepared as
   * the network's own pictures were. Positions are resized where pictures are not of the network's size.
   */
  features(layers: readonly number[]): Features;
}

/** A perceptual network that is a vision transformer with its final norm. */
export interface PerceptualVit extends Frozen {
  readonly network: "vit";
  readonly config: VisionTransformerConfig;
  readonly vit: VisionTransformer;
}

/** A perceptual network that is VGG-16 as in LPIPS. */
export interface PerceptualVgg extends Frozen {
  readonly network: "vgg16";
}

/** The network whose features say what looks alike, frozen. Inside a traced step its weights become fixed inputs. */
export type PerceptualNetwork = PerceptualVit | PerceptualVgg;

/**
 * Loads a `perceptual-network` artifact as tensors, which `dispose` frees.
 *
 * @throws WrongArtifact StoreFormatError ObjectMissing CorruptObject
 */
export async function loadPerceptualNetwork(store: Store, digest: string): Promise<PerceptualNetwork> {
  const model = await loadModel(store, digest, ["perceptual-network"], z.union([visionTransformerConfig, vgg16Config]));
  const { config, ...rest } = model;
  const freed = (tree: unknown) => ({ [Symbol.dispose]: () => tf.dispose(tree as tf.TensorContainer) });
  if ("network" in config) {
    const vgg = tensorsOf<Vgg16>(model.weights);
    const features = (layers: readonly number[]) => lpipsFeatures(vgg, model.preprocessing, layers);
    return { ...rest, network: "vgg16", depth: vgg.blocks.length, features, ...freed(vgg) };
  }
  const vit = tensorsOf<VisionTransformer>(model.weights);
  const features = (layers: readonly number[]) => vitFeatures(vit, config, model.weights, layers);
  return { ...rest, network: "vit", depth: config.depth, config, vit, features, ...freed(vit) };
}

/**
 * The same where a vision transformer is needed.
 *
 * @throws WrongArtifact for VGG-16, too
 */
export async function loadPerceptualVit(store: Store, digest: string): Promise<PerceptualVit> {
  const network = await loadPerceptualNetwork(store, digest);
  if (network.network === "vit") return network;
  network[Symbol.dispose]();
  throw new WrongArtifact(digest, "VGG-16", ["vision transformer"]);
}

/** Features of pictures of any size that patches divide. */
function vitFeatures(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  weights: Readonly<Record<string, HostArray>>,
  layers: readonly number[],
): Features {
  return (pictures) => {
    const [, size] = pictures.shape;
    if (size === config.size) return perceptualFeatures(vit, config, layers)(pictures);
    const [from, to] = [config.size / config.patch, size / config.patch];
    const resized = {
      ...vit,
      ...(vit.positions !== undefined && {
        positions: tensorOf<tf.Rank.R3>(resizeLearnedPositions(floats(weights["positions"]), from, to)),
      }),
      ...(vit.relativePositions !== undefined && {
        relativePositions: tensorOf<tf.Rank.R2>(
          resizeRelativePositions(floats(weights["relativePositions"]), from, to, "timm-linear"),
        ),
      }),
    };
    return perceptualFeatures(resized, { ...config, size }, layers)(pictures);
  };
}

function floats(array: HostArray | undefined): HostArray<"float32"> {
  if (array?.dtype !== "float32") throw new TypeError("the network has no float32 positions");
  return array as HostArray<"float32">;
}

function tensorOf<R extends tf.Rank>({ data, shape }: HostArray<"float32">): tf.Tensor<R> {
  return tf.tensor<R>(data, [...shape] as tf.ShapeMap[R]);
}
