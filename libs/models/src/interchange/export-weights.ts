import type { HostArray } from "tfjs-libtensorflow";
import { gridSide } from "../vision-transformer.ts";
import { type Architecture, hiddenWidth, vitPrefix, weightShapes } from "./architecture.ts";
import { dialectOf, tensorNames } from "./dialects.ts";
import { fixedPositions } from "./import-weights.ts";
import { toOutside } from "./tensor-layout.ts";

type Weights = Readonly<Record<string, HostArray>>;

/** What `timm.create_model(model, **kwargs, checkpoint_path=FILE)` takes. */
export interface TimmModel {
  readonly model: string;
  readonly kwargs: Readonly<Record<string, string | number | boolean>>;
}

/** A network under timm's names. */
export interface ExportedWeights {
  readonly tensors: Readonly<Record<string, HostArray<"float32">>>;
  readonly timm: TimmModel;
  /** What timm has no place for, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Names a network's weights as timm does: as its `VisionTransformer` where keys have a bias, else as its `Beit`. Fixed
 * positions are written out, since timm has learned ones. What pre-training alone needs (mask token, head over the codes)
 * has no place in timm and is left out.
 *
 * @throws TypeError when the weights are not those of the architecture
 */
export function exportWeights(weights: Weights, architecture: Architecture): ExportedWeights {
  const notes: string[] = [];
  const [usable, shape] = forTimm(weights, architecture, notes);
  const family = shape.vit.keyBias ? "vit" : "beit";
  const shapes = weightShapes(shape);
  const tensors: Record<string, HostArray<"float32">> = {};
  const names = tensorNames(dialectOf(`timm-${family}`), shape).filter(({ ours }) => Object.hasOwn(shapes, ours));
  for (const { ours, theirs, layout } of names) {
    const found = usable[ours];
    if (found?.dtype !== "float32" || found.shape.join() !== shapes[ours]?.join()) {
      throw new TypeError(`the network has no float32 ${ours} of shape [${shapes[ours]?.join(", ")}]`);
    }
    tensors[theirs] = toOutside(layout, found);
  }
  if (shape.vit.positions === "sincos") {
    const side = gridSide(shape.vit);
    tensors["pos_embed"] = {
      dtype: "float32",
      shape: [1, side * side + 1, shape.vit.width],
      data: fixedPositions(shape.vit),
    };
  }
  return { tensors, timm: { model: `${family}_base_patch16_224`, kwargs: kwargsOf(shape) }, notes };
}

/** The network as timm can have it. */
function forTimm(weights: Weights, architecture: Architecture, notes: string[]): [Weights, Architecture] {
  let [usable, shape] = [weights, architecture];
  if (shape.role === "pretraining") {
    notes.push(
      "The mask token and the head over the visual tokens are left out: they serve pre-training alone, and timm has no place for them.",
    );
    usable = Object.fromEntries(
      Object.entries(weights).flatMap(([path, leaf]) => (path.startsWith("vit.") ? [[path.slice(4), leaf]] : [])),
    );
    shape = { ...shape, role: "encoder", outputs: 0, finalNorm: true };
  }
  if (shape.vit.keyBias && shape.vit.positions === "relative") {
    notes.push(
      "The keys' bias is left out: timm's Beit has none. It adds the same to all of a query's scores, so the result is the same.",
    );
    usable = withoutKeyBias(usable, shape);
    shape = { ...shape, vit: { ...shape.vit, keyBias: false } };
  }
  return [usable, shape];
}

function withoutKeyBias(weights: Weights, { role, vit: { depth, width } }: Architecture): Weights {
  const changed: Record<string, HostArray> = { ...weights };
  for (let i = 0; i < depth; i++) {
    const path = `${vitPrefix(role)}blocks.${i}.attention.qkv`;
    const { data } = weights[`${path}.bias`] as HostArray<"float32">;
    const part = (from: number): HostArray => ({
      dtype: "float32",
      shape: [width],
      data: data.slice(from, from + width),
    });
    changed[`${path}.queryBias`] = part(0);
    changed[`${path}.valueBias`] = part(2 * width);
  }
  return changed;
}

/** Every argument is written out, so that the name of the model only chooses timm's class. */
function kwargsOf(architecture: Architecture): TimmModel["kwargs"] {
  const { vit, role, pool, outputs, tables, finalNorm } = architecture;
  const relative = vit.positions === "relative";
  const mean = role === "classifier" ? pool === "mean" : !finalNorm;
  return {
    img_size: vit.size,
    patch_size: vit.patch,
    embed_dim: vit.width,
    depth: vit.depth,
    num_heads: vit.heads,
    mlp_ratio: timmRatio(vit.width, hiddenWidth(vit)),
    num_classes: outputs,
    global_pool: mean ? "avg" : "token",
    // 0 and not null: create_model passes over None, and the named model's own value would hold.
    init_values: vit.layerScale,
    ...(!vit.keyBias && {
      use_abs_pos_emb: !relative,
      use_rel_pos_bias: relative && tables === "own",
      use_shared_rel_pos_bias: relative && tables === "shared",
    }),
  };
}

/** A ratio from which timm's `int(width * ratio)` gives the hidden width. */
function timmRatio(width: number, hidden: number): number {
  const ratio = hidden / width;
  return Math.floor(width * ratio) === hidden ? ratio : (hidden + 0.5) / width;
}
