import type { Normalisation } from "@peco/nn";
import type { HostArray } from "tfjs-libtensorflow";
import type { Pool } from "../classifier.ts";
import type { VisionTransformerConfig } from "../vision-transformer.ts";
import type { Architecture, NetworkRole } from "./architecture.ts";
import type { Dialect } from "./dialects.ts";

/** Tensors of a file by name. */
export type NamedTensors = Readonly<Record<string, HostArray>>;

/** What a file of weights cannot say. */
export interface StatedArchitecture {
  readonly role: NetworkRole;
  /** Number of attention heads: weights are shaped alike for any number. */
  readonly heads: number;
  readonly normalisation: Normalisation;
  /** @default the mean of patches for BEiT's names, the class token for others */
  readonly pool?: Pool;
  /** What is known of the network beforehand; it is not read from the shapes then, but they have to agree with it. */
  readonly known?: Partial<VisionTransformerConfig>;
  /** Number of classes or codes, where it is known beforehand; else the head's shape says it. */
  readonly outputs?: number;
}

/**
 * The architecture that a file's shapes show: width, depth, patch, picture size, hidden width, kind of positions, layer
 * scale, norm and number of outputs; heads, pooling and normalisation are the caller's word.
 *
 * @returns what can be seen; `unseen` names the tensors without which the rest can't be told
 */
export function readArchitecture(
  tensors: NamedTensors,
  dialect: Dialect,
  stated: StatedArchitecture,
): { architecture: Architecture | null; unseen: readonly string[] } {
  const { prefix, family } = dialect;
  const unseen: string[] = [];
  const size = (name: string, axis: number): number => {
    const found = tensors[prefix + name]?.shape[axis];
    if (found === undefined) unseen.push(prefix + name);
    return found ?? 1;
  };
  const has = (name: string) => Object.hasOwn(tensors, prefix + name);
  const { known = {}, heads, role, normalisation } = stated;
  const positions =
    known.positions ?? (has("rel_pos_bias.relative_position_bias_table") || ownTables() ? "relative" : "learned");
  const width = known.width ?? size("patch_embed.proj.weight", 0);
  const patch = known.patch ?? size("patch_embed.proj.weight", 2);
  const vit: VisionTransformerConfig = {
    init: family === "beit" ? "beit" : "xavier",
    layerScale: scaled() ? 0.1 : 0,
    keyBias: family === "vit",
    ...known,
    mean: normalisation.mean,
    std: normalisation.std,
    positions,
    width,
    patch,
    heads,
    size: known.size ?? patch * side(),
    depth: known.depth ?? depthOf(tensors, prefix),
    mlpRatio: known.mlpRatio ?? size("blocks.0.mlp.fc1.weight", 0) / width,
  };
  const architecture: Architecture = {
    vit,
    role,
    pool: stated.pool ?? (family === "beit" ? "mean" : "class-token"),
    outputs: stated.outputs ?? outputs(),
    tables:
      ownTables() || (role === "classifier" && !has("rel_pos_bias.relative_position_bias_table")) ? "own" : "shared",
    finalNorm: has("norm.weight") || has("norm.bias") || !has("fc_norm.weight"),
  };
  return unseen.length > 0 ? { architecture: null, unseen } : { architecture, unseen };

  function ownTables(): boolean {
    return has("blocks.0.attn.relative_position_bias_table");
  }

  function scaled(): boolean {
    return has("blocks.0.gamma_1") || has("blocks.0.ls1.gamma");
  }

  function outputs(): number {
    if (role === "encoder") return 0;
    return size(role === "pretraining" && dialect.name === "beit" ? "lm_head.weight" : "head.weight", 0);
  }

  /** Patches along a side, from the number of positions; what is no square is seen when the shapes are compared. */
  function side(): number {
    if (positions !== "relative") return Math.round(Math.sqrt(size("pos_embed", 1) - 1));
    const table = ownTables() ? "blocks.0.attn." : "rel_pos_bias.";
    return Math.round((Math.sqrt(size(`${table}relative_position_bias_table`, 0) - 3) + 1) / 2);
  }
}

/** One more than the highest number of a block. */
function depthOf(tensors: NamedTensors, prefix: string): number {
  const numbers = Object.keys(tensors).flatMap((name) => {
    const [, number] = name.startsWith(prefix) ? (/^blocks\.(\d{1,4})\./.exec(name.slice(prefix.length)) ?? []) : [];
    return number === undefined ? [] : [Number(number)];
  });
  return Math.max(0, ...numbers) + 1;
}
