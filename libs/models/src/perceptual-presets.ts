import type { HostArray } from "tfjs-libtensorflow";
import { mocoLicence } from "./interchange/dialects.ts";
import { importVgg16 } from "./interchange/import-vgg16.ts";
import { importWeights } from "./interchange/import-weights.ts";
import type { NamedTensors } from "./interchange/read-architecture.ts";
import { withPictureSize } from "./position-resize.ts";
import type { VisionTransformerConfig } from "./vision-transformer.ts";

/** Names of the networks of others that can say what looks alike. */
export type PerceptualPresetName =
  | "mocov3-vit-s16"
  | "mocov3-vit-b16"
  | "dino-vit-s16"
  | "dino-vit-b16"
  | "deit-vit-b16"
  | "timm-vit-b16"
  | "vgg16";

/** What is known of a published network beforehand; its weights cannot say the number of heads, nor its licence. */
export interface PerceptualPreset {
  /** Null: VGG-16 as in LPIPS. */
  readonly vit: VisionTransformerConfig | null;
  /** Taken from each channel of pictures in [0, 1], and then divided by. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Whether MoCo v3's own names are looked for beside timm's. */
  readonly names: "mocov3" | "timm-vit" | "torchvision";
  /** Under which the weights are published, with who may not use them. */
  readonly licence: string;
}

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

interface Choice {
  readonly width: 384 | 768;
  readonly heads: 6 | 12;
  readonly positions: "sincos" | "learned";
  readonly colours?: typeof imageNet | typeof half;
  readonly names: "mocov3" | "timm-vit";
  readonly licence: string;
}

/** A ViT of 12 blocks on 14x14 patches of 16 pixels, with key biases and norms whose epsilon is 1e-6, as all of them are. */
function vit16({ width, heads, positions, colours = imageNet, names, licence }: Choice): PerceptualPreset {
  const shape = { size: 224, patch: 16, width, depth: 12, heads, mlpRatio: 4 } as const;
  const rest = { positions, init: "xavier", layerScale: 0, keyBias: true } as const;
  return { vit: { ...shape, ...rest, ...colours }, ...colours, names, licence };
}

const moco = {
  positions: "sincos",
  names: "mocov3",
  licence: mocoLicence,
} as const;
const dino = { positions: "learned", names: "timm-vit", licence: "Apache-2.0 (facebookresearch/dino)" } as const;

/** The presets. MoCo v3's ViT-S has 12 heads where DINO's and DeiT's have 6. */
export const perceptualPresets: Readonly<Record<PerceptualPresetName, PerceptualPreset>> = {
  "mocov3-vit-s16": vit16({ ...moco, width: 384, heads: 12 }),
  "mocov3-vit-b16": vit16({ ...moco, width: 768, heads: 12 }),
  "dino-vit-s16": vit16({ ...dino, width: 384, heads: 6 }),
  "dino-vit-b16": vit16({ ...dino, width: 768, heads: 12 }),
  "deit-vit-b16": vit16({ ...dino, width: 768, heads: 12, licence: "Apache-2.0 (facebookresearch/deit)" }),
  "timm-vit-b16": vit16({
    ...dino,
    width: 768,
    heads: 12,
    colours: half,
    licence: "Apache-2.0 (google-research/vision_transformer, huggingface/pytorch-image-models)",
  }),
  vgg16: {
    vit: null,
    ...imageNet,
    names: "torchvision",
    licence: "BSD-3-Clause (pytorch/vision); weights of LPIPS BSD-2-Clause (richzhang/PerceptualSimilarity)",
  },
};

/**
 * Weights of a preset from a file's tensors, by path in the tree of its network (`VisionTransformer` with its final norm, or
 * `Vgg16`), for pictures of `size`: learned positions are resized as timm does, fixed ones follow from the size.
 *
 * @returns `vit` as the network is then, null for VGG-16
 * @throws WeightsMismatch UnknownWeights
 */
export function importPerceptualNetwork(
  name: PerceptualPresetName,
  tensors: NamedTensors,
  size: number,
): { readonly vit: VisionTransformerConfig | null; readonly weights: Readonly<Record<string, HostArray>> } {
  const { vit, names } = perceptualPresets[name];
  if (vit === null) return { vit, weights: importVgg16(tensors) };
  const { weights } = importWeights(tensors, {
    role: "encoder",
    heads: vit.heads,
    normalisation: vit,
    known: vit,
    // MoCo v3's repository converts to timm's names, too.
    ...(names === "timm-vit" && { dialect: names }),
  });
  const resized = { ...vit, size };
  return { vit: resized, weights: withPictureSize(weights, vit, resized, "timm-linear") };
}
