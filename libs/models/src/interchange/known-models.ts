import type { Pool } from "../classifier.ts";
import type { VisionTransformerConfig } from "../vision-transformer.ts";

/** How timm prepares a picture for a model: `pretrained_cfg`. */
export interface PictureRecipe {
  /** Side of the model's pictures in pixels. */
  readonly size: number;
  readonly interpolation: "bicubic" | "bilinear";
  /** The picture's shorter side becomes `floor(size / cropPct)`; the middle `size` pixels are kept. */
  readonly cropPct: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** A model of timm's that can be used by its name. */
export interface KnownModel {
  readonly name: string;
  readonly vit: VisionTransformerConfig;
  readonly pool: Pool;
  readonly pictures: PictureRecipe;
}

const half = [0.5, 0.5, 0.5] as const;
const imageNetMean = [0.485, 0.456, 0.406] as const;
const imageNetStd = [0.229, 0.224, 0.225] as const;

type Size = "tiny" | "small" | "base" | "large";
const widths: Readonly<Record<Size, readonly [width: number, depth: number, heads: number]>> = {
  tiny: [192, 12, 3],
  small: [384, 12, 6],
  base: [768, 12, 12],
  large: [1024, 24, 16],
};

type Family = "beit" | "vit" | "deit";

/** Names and numbers as in timm 1.0.31 (`beit.py`, `vision_transformer.py`, `deit.py`). */
function known(family: Family, size: Size, pixels: 224 | 384): KnownModel {
  const [width, depth, heads] = widths[size];
  const mean = family === "deit" ? imageNetMean : half;
  const std = family === "deit" ? imageNetStd : half;
  const beit = family === "beit";
  return {
    name: `${family}_${size}_patch16_${pixels}`,
    vit: {
      size: pixels,
      patch: 16,
      mean,
      std,
      width,
      depth,
      heads,
      mlpRatio: 4,
      positions: beit ? "relative" : "learned",
      init: beit ? "beit" : "xavier",
      layerScale: beit ? (size === "base" ? 0.1 : 1e-5) : 0,
      keyBias: !beit,
    },
    pool: beit ? "mean" : "class-token",
    pictures: { size: pixels, interpolation: "bicubic", cropPct: pixels === 224 ? 0.9 : 1, mean, std },
  };
}

/** The models of timm's that have this software's architecture. */
export const knownModels: readonly KnownModel[] = [
  ...(["base", "large"] as const).flatMap((size) => [known("beit", size, 224), known("beit", size, 384)]),
  ...(["tiny", "small", "base", "large"] as const).flatMap((size) => [
    known("vit", size, 224),
    known("vit", size, 384),
  ]),
  ...(["tiny", "small", "base"] as const).map((size) => known("deit", size, 224)),
  known("deit", "base", 384),
];
