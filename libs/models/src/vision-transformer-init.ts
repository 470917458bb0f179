import {
  initAffine,
  kaimingUniform,
  type Linear,
  type Qkv,
  relativePositionCount,
  truncatedNormal,
  xavierUniform,
} from "@peco/nn";
import { type Key, random, tf } from "tfjs-libtensorflow";
import { type Block, gridSide, type VisionTransformer, type VisionTransformerConfig } from "./vision-transformer.ts";

/**
 * What a network is for: `encoder` has the final norm, `pretraining` a mask token as well, `classification` neither
 * (there the norm comes after the mean over patches).
 */
export type VisionTransformerRole = "encoder" | "pretraining" | "classification";

/** Deviation of BEiT's initial weights and tokens. */
const beitStd = 0.02;

/**
 * Draws fresh parameters. `xavier`: MoCo v3 (query, key and value drawn apart, as three layers). `beit`: truncated normal
 * with the second layer of each branch divided by sqrt(2 · block number); cut at one deviation while pre-training, and at
 * ±2 with PyTorch's own start of the patch embedding for a classifier from scratch, as BEiT's two classes do. Biases are 0.
 */
export function initVisionTransformer(
  key: Key,
  config: VisionTransformerConfig,
  role: VisionTransformerRole,
): VisionTransformer {
  const { width, depth, heads, patch } = config;
  const side = gridSide(config);
  const draw = new Draw(key, config.init, bound(role));
  return {
    patchEmbedding: draw.patchEmbedding(patch * patch * 3, width),
    classToken: draw.token("classToken", config.init === "xavier" ? 1e-6 : beitStd, [1, 1, width]),
    ...(role === "pretraining" && { maskToken: draw.token<tf.Tensor3D>("maskToken", beitStd, [1, 1, width]) }),
    ...(config.positions === "learned" && {
      positions: draw.token<tf.Tensor3D>("positions", beitStd, [1, side * side + 1, width]),
    }),
    ...(config.positions === "relative" && {
      relativePositions: tf.zeros<tf.Rank.R2>([relativePositionCount(side, side), heads]),
    }),
    blocks: Array.from({ length: depth }, (_, i) => initBlock(draw.at("blocks", i), config, i + 1)),
    ...(role !== "classification" && { norm: initAffine(width) }),
  };
}

/** A linear head on `width` features that starts as the network's other weights do, times `scale`; its bias is 0. */
export function initHead(
  key: Key,
  { init, width }: VisionTransformerConfig,
  outputs: number,
  role: VisionTransformerRole,
  scale = 1,
): Linear {
  return new Draw(key, init, bound(role)).linear("head", width, outputs, scale);
}

/** Where BEiT's truncated normal is cut. */
function bound(role: VisionTransformerRole): number {
  return role === "classification" ? 2 : beitStd;
}

function initBlock(
  draw: Draw,
  { width, mlpRatio, layerScale, keyBias, init }: VisionTransformerConfig,
  number: number,
): Block {
  const hidden = Math.round(width * mlpRatio);
  const shrink = init === "beit" ? 1 / Math.sqrt(2 * number) : 1;
  return {
    norm1: initAffine(width),
    attention: { qkv: draw.qkv(width, keyBias), out: draw.linear("attention.out", width, width, shrink) },
    ...(layerScale > 0 && { layerScale1: tf.fill<tf.Rank.R1>([width], layerScale) }),
    norm2: initAffine(width),
    mlp: { in: draw.linear("mlp.in", width, hidden), out: draw.linear("mlp.out", hidden, width, shrink) },
    ...(layerScale > 0 && { layerScale2: tf.fill<tf.Rank.R1>([width], layerScale) }),
  };
}

/** Draws the parts of one network (or of one block) by name. */
class Draw {
  readonly #key: Key;
  readonly #init: "xavier" | "beit";
  readonly #bound: number;

  constructor(key: Key, init: "xavier" | "beit", bound: number) {
    this.#key = key;
    this.#init = init;
    this.#bound = bound;
  }

  at(...parts: (string | number)[]): Draw {
    return new Draw(random.fold(this.#key, ...parts), this.#init, this.#bound);
  }

  weight(name: string, inputs: number, outputs: number): tf.Tensor2D {
    const key = random.fold(this.#key, name);
    return this.#init === "xavier"
      ? xavierUniform(key, [inputs, outputs], inputs, outputs)
      : truncatedNormal(key, [inputs, outputs], beitStd, this.#bound);
  }

  linear(name: string, inputs: number, outputs: number, factor = 1): Linear {
    const weight = tf.tidy(() => tf.mul<tf.Tensor2D>(this.weight(name, inputs, outputs), factor));
    return { weight, bias: tf.zeros([outputs]) };
  }

  patchEmbedding(inputs: number, width: number): Linear {
    if (this.#init === "xavier" || this.#bound === beitStd) return this.linear("patchEmbedding", inputs, width);
    const key = random.fold(this.#key, "patchEmbedding");
    return {
      weight: kaimingUniform(random.fold(key, "weight"), [inputs, width], inputs),
      bias: kaimingUniform(random.fold(key, "bias"), [width], inputs),
    };
  }

  qkv(width: number, keyBias: boolean): Qkv {
    const parts = ["query", "key", "value"];
    const weight = tf.tidy(() =>
      tf.concat2d(
        parts.map((part) => this.weight(part, width, width)),
        1,
      ),
    );
    if (keyBias) return { weight, bias: tf.zeros([3 * width]) };
    return { weight, queryBias: tf.zeros([width]), valueBias: tf.zeros([width]) };
  }

  token<T extends tf.Tensor>(name: string, std: number, shape: number[]): T {
    return truncatedNormal(random.fold(this.#key, name), shape, std, Math.max(std, this.#bound));
  }
}
