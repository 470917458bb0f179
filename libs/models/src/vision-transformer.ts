import {
  type Affine,
  type Attention,
  attention,
  dropPath,
  dropPathRates,
  type Linear,
  layerNorm,
  linear,
  type Mlp,
  mlp,
  type Normalisation,
  normalisedPatches,
  type PartOfBatch,
  relativePositionBias,
} from "@peco/nn";
import { type Key, random, recomputed, tf } from "tfjs-libtensorflow";
import { sinCosPositions } from "./sin-cos-positions.ts";

/** Shape of a vision transformer: a recipe's `image` and `vit` together. */
export interface VisionTransformerConfig extends Normalisation {
  /** Side of the square pictures and of their patches, in pixels. */
  readonly size: number;
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Width of the MLP's hidden layer over `width`. */
  readonly mlpRatio: number;
  /** Fixed sine-cosine positions, learned ones, or BEiT's relative position bias alone. */
  readonly positions: "sincos" | "learned" | "relative";
  /** MoCo v3's Xavier-uniform start, or BEiT's truncated normal. */
  readonly init: "xavier" | "beit";
  /** Start of the learned scale of each residual branch; 0: there is none. */
  readonly layerScale: number;
  /** Whether attention's keys have a bias; BEiT's have none. */
  readonly keyBias: boolean;
}

/** One pre-norm transformer block; every layer scale is [width]. */
export type Block = {
  readonly norm1: Affine;
  readonly attention: Attention;
  readonly layerScale1?: tf.Tensor1D;
  readonly norm2: Affine;
  readonly mlp: Mlp;
  readonly layerScale2?: tf.Tensor1D;
  /** The block's own relative positions, as BEiT has them while fine-tuning: [entries, heads]. */
  readonly relativePositions?: tf.Tensor2D;
};

/** Parameters of a vision transformer, all float32. */
export type VisionTransformer = {
  readonly patchEmbedding: Linear;
  /** [1, 1, width], before the patches. */
  readonly classToken: tf.Tensor3D;
  /** [1, 1, width], in place of a masked patch; only while pre-training. */
  readonly maskToken?: tf.Tensor3D;
  /** Learned positions of class token and patches, [1, patches + 1, width]. */
  readonly positions?: tf.Tensor3D;
  /** Relative positions that all blocks share, [entries, heads]. */
  readonly relativePositions?: tf.Tensor2D;
  readonly blocks: readonly Block[];
  /** After the last block; a classifier of mean patches has none here, but one after the mean. */
  readonly norm?: Affine;
};

/** Patches along one side of a picture. */
export function gridSide({ size, patch }: { size: number; patch: number }): number {
  return size / patch;
}

/** What a vision transformer can be given beside pictures. */
export interface VisionTransformerOptions {
  /** [batch, patches], not 0 where the mask token replaces the patch's embedding. */
  readonly mask?: tf.Tensor2D;
  /** Leaves branches out with a rate that rises over the blocks from 0 to `rate`; `part`: of which batch the pictures are. */
  readonly dropPath?: { readonly rate: number; readonly key: Key; readonly part?: PartOfBatch | undefined };
  /** Computes a block again for its gradient instead of keeping its activations: less memory, a third more work. */
  readonly recompute?: boolean;
}

/** What a vision transformer gives; tokens are the class token and then the patches. */
export interface VisionTransformerOutput {
  /** After the final norm, [batch, patches + 1, width]; without a final norm, the last block's output. */
  readonly tokens: tf.Tensor3D;
  /** Output of every block, [batch, patches + 1, width]. */
  readonly blocks: readonly tf.Tensor3D[];
}

/**
 * The vision transformer (Dosovitskiy et al. 2021; masking and position bias as in BEiT).
 * @param pictures values 0..255, [batch, size, size, 3]; they are normalised by the configuration's mean and deviation
 */
export function visionTransformer(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
  options: VisionTransformerOptions = {},
): VisionTransformerOutput {
  const side = gridSide(config);
  const tokens = side * side + 1;
  const [batch] = pictures.shape;
  const shaped = (rows: tf.Tensor2D) => tf.reshape<tf.Rank.R3>(rows, [batch, tokens, config.width]);
  const shared = vit.relativePositions && relativePositionBias(vit.relativePositions, side, side);
  const rates = dropPathRates(options.dropPath?.rate ?? 0, config.depth);

  let rows = embed(vit, config, pictures, options.mask);
  const blocks = vit.blocks.map((block, i) => {
    const drop = (branch: string, x: tf.Tensor2D) =>
      options.dropPath === undefined
        ? x
        : dropPath(random.fold(options.dropPath.key, i, branch), x, tokens, rates[i] as number, options.dropPath.part);
    const whole = (x: tf.Tensor2D, { block, shared }: BlockInputs) => {
      const own = block.relativePositions && relativePositionBias(block.relativePositions, side, side);
      return transformerBlock(block, x, { tokens, heads: config.heads }, own ?? shared, drop);
    };
    const inputs: BlockInputs = shared === undefined ? { block } : { block, shared };
    rows = options.recompute === true ? recomputed(whole, rows, inputs) : whole(rows, inputs);
    return shaped(rows);
  });
  return { tokens: vit.norm === undefined ? shaped(rows) : shaped(layerNorm(vit.norm, rows)), blocks };
}

/** What a block's gradient goes to beside its tokens. */
interface BlockInputs {
  readonly block: Block;
  /** Attention's bias from the table that all blocks share. */
  readonly shared?: tf.Tensor3D;
}

/** Embedded patches, masked, with class token and positions: [batch * tokens, width]. */
function embed(
  vit: VisionTransformer,
  config: VisionTransformerConfig,
  pictures: tf.Tensor4D,
  mask: tf.Tensor2D | undefined,
): tf.Tensor2D {
  const { width } = config;
  const patches = gridSide(config) ** 2;
  const [batch] = pictures.shape;
  let rows = linear(vit.patchEmbedding, normalisedPatches(pictures, config.patch, config));
  if (mask !== undefined) {
    if (vit.maskToken === undefined) throw new TypeError("this vision transformer has no mask token");
    const masked = tf.reshape(tf.cast(mask, "float32"), [-1, 1]);
    rows = tf.add(tf.mul(rows, tf.sub(1, masked)), tf.mul(tf.reshape(vit.maskToken, [1, width]), masked));
  }
  const embedded = tf.reshape<tf.Rank.R3>(rows, [batch, patches, width]);
  // Spread by an addition and not by tf.tile, whose gradient is a slice and an addition for each picture.
  const classTokens = tf.add<tf.Tensor3D>(tf.zeros([batch, 1, 1]), vit.classToken);
  const tokens = tf.concat([classTokens, embedded], 1);
  const positions = positionsOf(vit, config);
  return tf.reshape(positions === undefined ? tokens : tf.add(tokens, positions), [-1, width]);
}

/** What is added to class token and patches: [1, patches + 1, width]; the class token has no fixed position. */
function positionsOf(vit: VisionTransformer, config: VisionTransformerConfig): tf.Tensor3D | undefined {
  if (config.positions !== "sincos") return vit.positions;
  const side = gridSide(config);
  const values = new Float32Array((side * side + 1) * config.width);
  values.set(sinCosPositions(side, side, config.width), config.width);
  return tf.tensor3d(values, [1, side * side + 1, config.width]);
}

function transformerBlock(
  block: Block,
  x: tf.Tensor2D,
  shape: { tokens: number; heads: number },
  bias: tf.Tensor3D | undefined,
  drop: (branch: string, x: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor2D {
  const scaled = (branch: tf.Tensor2D, scale: tf.Tensor1D | undefined) =>
    scale === undefined ? branch : tf.mul<tf.Tensor2D>(branch, scale);
  const mixed = attention(block.attention, layerNorm(block.norm1, x), shape, bias);
  const y = tf.add<tf.Tensor2D>(x, drop("attention", scaled(mixed, block.layerScale1)));
  const changed = mlp(block.mlp, layerNorm(block.norm2, y));
  return tf.add(y, drop("mlp", scaled(changed, block.layerScale2)));
}
