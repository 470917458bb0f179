import type { HostArray } from "tfjs-libtensorflow";
import type { VisionTransformerConfig } from "../vision-transformer.ts";
import { type DialectName, dialectOf } from "./dialects.ts";
import { importWeights } from "./import-weights.ts";
import type { NamedTensors } from "./read-architecture.ts";

/** What has to be known of a network that is fine-tuned; the rest is seen in its weights. */
export type KnownEncoder = Pick<VisionTransformerConfig, "width" | "depth" | "heads" | "patch" | "mean" | "std">;

/** A network to be fine-tuned, taken over from a file. */
export interface ImportedEncoder {
  readonly vit: VisionTransformerConfig;
  /** By path in a `VisionTransformer`. */
  readonly weights: Readonly<Record<string, HostArray>>;
  /** Whose names the file has. */
  readonly dialect: DialectName;
  /** Licence of the published weights with these names; null where the names cannot tell it. */
  readonly licence: string | null;
}

/**
 * The vision transformer of a file of any dialect, to be fine-tuned: heads are left behind. It has to have the given width,
 * depth and patch, since its number of attention heads cannot be read and would else be the wrong one.
 *
 * @throws WeightsMismatch UnknownWeights
 */
export function importEncoder(tensors: NamedTensors, known: KnownEncoder): ImportedEncoder {
  const { width, depth, heads, patch } = known;
  const { architecture, weights, dialect } = importWeights(tensors, {
    role: "encoder",
    heads,
    normalisation: known,
    known: { width, depth, patch },
  });
  return { vit: architecture.vit, weights, dialect, licence: dialectOf(dialect).licence };
}
