import { relativePositionCount } from "@peco/nn";
import type { Pool } from "../classifier.ts";
import { gridSide, type VisionTransformerConfig } from "../vision-transformer.ts";

/**
 * What a network's tree of weights is. `encoder`: a `VisionTransformer`; `pretraining`: a `MaskedModel`; `classifier`: a
 * `Classifier`. The vision transformer of the last two lies under `vit`.
 */
export type NetworkRole = "encoder" | "pretraining" | "classifier";

/** All that decides which weights a network has, and how they are used. */
export interface Architecture {
  readonly vit: VisionTransformerConfig;
  readonly role: NetworkRole;
  /** What a classifier's head sees; of no meaning for other networks. */
  readonly pool: Pool;
  /** Classes of a classifier, codes of a network in pre-training; an encoder has none. */
  readonly outputs: number;
  /** With relative positions: whether each block has a table of its own, or all share one. */
  readonly tables: "own" | "shared";
  /** Whether an encoder has the norm after its last block; one that was cut from a classifier of mean patches has none. */
  readonly finalNorm: boolean;
}

/** Width of the hidden layer of a block's MLP. */
export function hiddenWidth({ width, mlpRatio }: VisionTransformerConfig): number {
  return Math.round(width * mlpRatio);
}

/** The path in front of a vision transformer's own in the tree of a role. */
export function vitPrefix(role: NetworkRole): "" | "vit." {
  return role === "encoder" ? "" : "vit.";
}

/** Every weight of a network: its path in our tree and its shape. */
export function weightShapes(architecture: Architecture): Record<string, readonly number[]> {
  const { vit, role, outputs, tables, finalNorm } = architecture;
  const { width, depth, heads, patch } = vit;
  const side = gridSide(vit);
  const shapes: Record<string, readonly number[]> = {};
  const trunk = (path: string, shape: readonly number[]) => {
    shapes[vitPrefix(role) + path] = shape;
  };
  const affine = (path: string) => {
    trunk(`${path}.scale`, [width]);
    trunk(`${path}.bias`, [width]);
  };
  trunk("patchEmbedding.weight", [patch * patch * 3, width]);
  trunk("patchEmbedding.bias", [width]);
  trunk("classToken", [1, 1, width]);
  if (role === "pretraining") trunk("maskToken", [1, 1, width]);
  if (vit.positions === "learned") trunk("positions", [1, side * side + 1, width]);
  const table = [relativePositionCount(side, side), heads];
  const relative = vit.positions === "relative";
  if (relative && tables === "shared") trunk("relativePositions", table);
  for (let i = 0; i < depth; i++) {
    for (const [path, shape] of blockShapes(vit)) trunk(`blocks.${i}.${path}`, shape);
    if (relative && tables === "own") trunk(`blocks.${i}.relativePositions`, table);
  }
  if (role === "pretraining" || (role === "encoder" && finalNorm)) affine("norm");
  if (role === "classifier") Object.assign(shapes, { "norm.scale": [width], "norm.bias": [width] });
  if (role !== "encoder") Object.assign(shapes, { "head.weight": [width, outputs], "head.bias": [outputs] });
  return shapes;
}

/** Weights of one block, without its positions. */
function blockShapes(vit: VisionTransformerConfig): [path: string, shape: number[]][] {
  const { width } = vit;
  const hidden = hiddenWidth(vit);
  return [
    ["norm1.scale", [width]],
    ["norm1.bias", [width]],
    ["attention.qkv.weight", [width, 3 * width]],
    ...(vit.keyBias
      ? ([["attention.qkv.bias", [3 * width]]] as [string, number[]][])
      : ([
          ["attention.qkv.queryBias", [width]],
          ["attention.qkv.valueBias", [width]],
        ] as [string, number[]][])),
    ["attention.out.weight", [width, width]],
    ["attention.out.bias", [width]],
    ...(vit.layerScale > 0
      ? ([
          ["layerScale1", [width]],
          ["layerScale2", [width]],
        ] as [string, number[]][])
      : []),
    ["norm2.scale", [width]],
    ["norm2.bias", [width]],
    ["mlp.in.weight", [width, hidden]],
    ["mlp.in.bias", [hidden]],
    ["mlp.out.weight", [hidden, width]],
    ["mlp.out.bias", [width]],
  ];
}
