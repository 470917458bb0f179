import type { Architecture, NetworkRole } from "./architecture.ts";
import { vitPrefix, weightShapes } from "./architecture.ts";
import { outsideShape, type TensorLayout } from "./tensor-layout.ts";

/** Whose names a file of weights has. */
export type DialectName = "timm-beit" | "beit" | "timm-vit" | "dino" | "mae" | "mocov3";

/** The names of one code base. */
export interface Dialect {
  readonly name: DialectName;
  /** timm's two classes of vision transformers: `Beit` (no key bias) and `VisionTransformer`. */
  readonly family: "beit" | "vit";
  /** In front of every name. */
  readonly prefix: string;
  /**
   * Licence of the published weights with these names; null where others train and publish under the same names, so that
   * nothing can be told from them. BEiT's names are also data2vec's, timm's anybody's.
   */
  readonly licence: string | null;
  /** Names, without the prefix, that its files have beside what is taken, for each role of a network. */
  readonly leftOut: (name: string, role: NetworkRole) => boolean;
}

/** Heads and norms of another role, which an encoder leaves behind. */
const headOfEncoder = (name: string, role: NetworkRole) => role === "encoder" && /^(head|fc_norm)\./.test(name);

/** Of the weights that MoCo v3's authors publish. */
export const mocoLicence = "CC BY-NC 4.0 (facebookresearch/moco-v3): not for commercial use";

/** The dialects that are understood. DeiT's names are timm's (its distilled networks have a token more and are refused). */
export const dialects: readonly Dialect[] = [
  { name: "timm-beit", family: "beit", prefix: "", licence: null, leftOut: headOfEncoder },
  {
    // BEiT's own files name an index that follows from the size, and keep the head of pre-training.
    name: "beit",
    family: "beit",
    prefix: "",
    licence: null,
    leftOut: (name, role) =>
      /relative_position_index$/.test(name) ||
      (role !== "pretraining" && /^(mask_token$|lm_head\.)/.test(name)) ||
      headOfEncoder(name, role),
  },
  { name: "timm-vit", family: "vit", prefix: "", licence: null, leftOut: headOfEncoder },
  {
    name: "dino",
    family: "vit",
    prefix: "",
    licence: "Apache-2.0 (facebookresearch/dino)",
    leftOut: (name) => /^(head\.|masked_embed$)/.test(name),
  },
  {
    name: "mae",
    family: "vit",
    prefix: "",
    licence: "CC BY-NC 4.0 (facebookresearch/mae): not for commercial use",
    leftOut: (name) => /^(decoder_|mask_token$)/.test(name),
  },
  {
    // The key network, both heads: what MoCo v3 needs for training alone.
    name: "mocov3",
    family: "vit",
    prefix: "module.base_encoder.",
    licence: mocoLicence,
    leftOut: (name) => /^(head\.|module\.(momentum_encoder|predictor)\.)/.test(name),
  },
];

/** The dialect of a name. */
export function dialectOf(name: DialectName): Dialect {
  return dialects.find((dialect) => dialect.name === name) as Dialect;
}

/** The dialect that a file's names show, or null. timm, DeiT and DINO name a plain vision transformer alike: `timm-vit`. */
export function detectDialect(names: Iterable<string>): DialectName | null {
  const all = [...names];
  const has = (pattern: RegExp) => all.some((name) => pattern.test(name));
  if (has(/^module\.base_encoder\.blocks\./)) return "mocov3";
  if (!has(/^blocks\.\d+\.attn\./)) return null;
  if (has(/^blocks\.\d+\.(attn\.(q_bias|relative_position_bias_table)$|gamma_1$)/)) {
    return has(/^(lm_head\.|mask_token$)|relative_position_index$/) ? "beit" : "timm-beit";
  }
  return has(/^decoder_/) ? "mae" : "timm-vit";
}

/** One tensor's names here and there. */
export interface TensorName {
  /** Path in our tree. */
  readonly ours: string;
  /** Name in the file. */
  readonly theirs: string;
  readonly layout: TensorLayout;
}

type Row = readonly [ours: string, theirs: string, layout?: TensorLayout];

const both = (ours: string, theirs: string): Row[] => [
  [`${ours}.weight`, `${theirs}.weight`, "linear"],
  [`${ours}.bias`, `${theirs}.bias`],
];
const affine = (ours: string, theirs: string): Row[] => [
  [`${ours}.scale`, `${theirs}.weight`],
  [`${ours}.bias`, `${theirs}.bias`],
];

/** The vision transformer outside its blocks. */
const trunkRows: readonly Row[] = [
  ["patchEmbedding.weight", "patch_embed.proj.weight", "patches"],
  ["patchEmbedding.bias", "patch_embed.proj.bias"],
  ["classToken", "cls_token"],
  ["maskToken", "mask_token"],
  ["positions", "pos_embed"],
  ["relativePositions", "rel_pos_bias.relative_position_bias_table"],
  ...affine("norm", "norm"),
];

/** A block. */
const blockRows: readonly Row[] = [
  ...affine("norm1", "norm1"),
  ["attention.qkv.weight", "attn.qkv.weight", "linear"],
  ...both("attention.out", "attn.proj"),
  ...affine("norm2", "norm2"),
  ...both("mlp.in", "mlp.fc1"),
  ...both("mlp.out", "mlp.fc2"),
];

/** What the two families name differently. */
const familyRows: Readonly<Record<Dialect["family"], readonly Row[]>> = {
  beit: [
    ["attention.qkv.queryBias", "attn.q_bias"],
    ["attention.qkv.valueBias", "attn.v_bias"],
    ["layerScale1", "gamma_1"],
    ["layerScale2", "gamma_2"],
    ["relativePositions", "attn.relative_position_bias_table"],
  ],
  vit: [
    ["attention.qkv.bias", "attn.qkv.bias"],
    ["layerScale1", "ls1.gamma"],
    ["layerScale2", "ls2.gamma"],
  ],
};

/** Every weight that a dialect can name for an architecture, whether the architecture has it or not. */
export function tensorNames({ family, prefix, name }: Dialect, architecture: Architecture): TensorName[] {
  const { role, pool, vit } = architecture;
  const row =
    (here: string, there: string) =>
    ([ours, theirs, layout = "same"]: Row): TensorName => ({
      ours: here + ours,
      theirs: prefix + there + theirs,
      layout,
    });
  const trunk = vitPrefix(role);
  const blocks = Array.from({ length: vit.depth }, (_, i) =>
    [...blockRows, ...familyRows[family]].map(row(`${trunk}blocks.${i}.`, `blocks.${i}.`)),
  );
  // A norm of every token and then the class token alone is a norm of the class token.
  const headRows: Row[] =
    role === "encoder"
      ? []
      : role === "pretraining"
        ? both("head", name === "beit" ? "lm_head" : "head")
        : [...affine("norm", pool === "mean" ? "fc_norm" : "norm"), ...both("head", "head")];
  return [...trunkRows.map(row(trunk, "")), ...blocks.flat(), ...headRows.map(row("", ""))];
}

/** Names and shapes of the tensors that a dialect's file has for an architecture. */
export function tensorShapesOf(name: DialectName, architecture: Architecture): Record<string, number[]> {
  const shapes = weightShapes(architecture);
  return Object.fromEntries(
    tensorNames(dialectOf(name), architecture).flatMap(({ ours, theirs, layout }) => {
      const shape = shapes[ours];
      return shape === undefined ? [] : [[theirs, outsideShape(layout, shape)]];
    }),
  );
}
