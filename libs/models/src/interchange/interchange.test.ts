import fc from "fast-check";
import type { HostArray } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { type Architecture, weightShapes } from "./architecture.ts";
import { type DialectName, detectDialect, dialectOf, tensorNames } from "./dialects.ts";
import { exportWeights } from "./export-weights.ts";
import { importWeights } from "./import-weights.ts";
import { WeightsMismatch } from "./weights-mismatch.ts";

type Weights = Record<string, HostArray<"float32">>;

/** Weights of an architecture, every value another one. */
function numbered(architecture: Architecture): Weights {
  let next = 0;
  return Object.fromEntries(
    Object.entries(weightShapes(architecture)).map(([path, shape]) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => ++next / 8);
      return [path, { dtype: "float32", shape, data }];
    }),
  );
}

const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const architectures: fc.Arbitrary<Architecture> = fc
  .record({
    heads: fc.integer({ min: 1, max: 3 }),
    perHead: fc.constantFrom(4, 8),
    depth: fc.integer({ min: 1, max: 3 }),
    patch: fc.integer({ min: 1, max: 3 }),
    side: fc.integer({ min: 1, max: 4 }),
    mlpRatio: fc.constantFrom(1, 2.5, 4),
    layerScale: fc.constantFrom(0, 0.1),
    outputs: fc.integer({ min: 1, max: 5 }),
    family: fc.constantFrom("beit" as const, "vit" as const),
    relative: fc.boolean(),
    role: fc.constantFrom("encoder" as const, "classifier" as const),
    tables: fc.constantFrom("own" as const, "shared" as const),
    finalNorm: fc.boolean(),
    pool: fc.constantFrom("mean" as const, "class-token" as const),
  })
  .map(({ heads, perHead, side, patch, family, relative, role, ...rest }) => ({
    vit: {
      ...normalisation,
      size: side * patch,
      patch,
      width: heads * perHead,
      heads,
      depth: rest.depth,
      mlpRatio: rest.mlpRatio,
      layerScale: rest.layerScale,
      positions: family === "beit" && relative ? "relative" : "learned",
      init: family === "beit" ? "beit" : "xavier",
      keyBias: family === "vit",
    },
    role,
    pool: role === "encoder" ? (family === "beit" ? "mean" : "class-token") : rest.pool,
    outputs: role === "encoder" ? 0 : rest.outputs,
    // Without tables there is nothing to see; a reader then says "own" of a classifier.
    tables: family === "beit" && relative ? rest.tables : role === "classifier" ? "own" : "shared",
    finalNorm: role === "encoder" || rest.pool === "class-token",
  }));

/** What has to be stated, since weights do not say it. */
function stated({ vit: { heads }, role, pool }: Architecture) {
  return { heads, role, pool, normalisation };
}

describe("our weights under timm's names", () => {
  it("come back bit for bit, with the architecture read from the shapes", () => {
    fc.assert(
      fc.property(architectures, (architecture) => {
        const weights = numbered(architecture);
        const { tensors, notes } = exportWeights(weights, architecture);
        // The dialect is stated: BEiT without layer scale and relative positions differs from ViT in its biases alone.
        const back = importWeights(tensors, stated(architecture));
        expect(back.weights).toEqual(weights);
        expect(back.architecture).toEqual({
          ...architecture,
          vit: { ...architecture.vit, mlpRatio: expect.anything() },
        });
        expect(back.unused).toEqual([]);
        expect(notes).toEqual([]);
        expect(exportWeights(back.weights, back.architecture).tensors).toEqual(tensors);
      }),
      { numRuns: 60 },
    );
  });
});

const [sample] = fc.sample(
  architectures.filter(
    ({ role, pool, vit }) => role === "classifier" && pool === "mean" && vit.positions === "relative",
  ),
  { numRuns: 1, seed: 3 },
) as [Architecture];
const { tensors: whole } = exportWeights(numbered(sample), sample);

describe("weights that do not fit", () => {
  const [first, second] = Object.keys(whole) as [string, string];
  const { [first]: _, ...withoutFirst } = whole;
  const broken = {
    ...withoutFirst,
    [second]: { ...(whole[second] as HostArray<"float32">), shape: [1, ...(whole[second] as HostArray).shape] },
    "blocks.0.unheard.of": whole["head.bias"] as HostArray,
    another: whole["head.bias"] as HostArray,
  };
  const options = { ...stated(sample), known: sample.vit };

  it("are refused, each tensor named", () => {
    expect(() => importWeights(broken, options)).toThrow(WeightsMismatch);
    try {
      importWeights(broken, options);
    } catch (error) {
      const { message, missing, extra, wrong } = error as WeightsMismatch;
      expect(missing).toEqual([first]);
      expect(extra).toEqual(["another", "blocks.0.unheard.of"]);
      expect(wrong.map(({ name }) => name)).toEqual([second]);
      for (const name of [first, second, "another", "blocks.0.unheard.of"]) expect(message).toContain(name);
      expect(message).toMatch(/has shape \[1, .*\] and not \[/);
    }
  });

  it("are taken as far as they fit when asked", () => {
    const { weights, misfit } = importWeights(broken, { ...options, partial: true });
    expect(Object.keys(weights)).toHaveLength(Object.keys(whole).length - 2);
    expect([misfit.missing, misfit.extra.length, misfit.wrong.length]).toEqual([[first], 2, 1]);
  });

  it("also where shapes alone would tell the architecture", () => {
    const { "patch_embed.proj.weight": _, ...rest } = whole;
    expect(() => importWeights(rest, stated(sample))).toThrow(/missing: patch_embed\.proj\.weight/);
    expect(() => importWeights({}, stated(sample))).toThrow("the file of weights has no tensors");
    expect(() => importWeights({ "layer1.0.conv.weight": whole["head.bias"] as HostArray }, stated(sample))).toThrow(
      /of no known vision transformer: 1 tensors such as layer1\.0\.conv\.weight/,
    );
  });

  it("whole numbers are no weights", () => {
    const whole32 = {
      ...whole,
      "head.bias": { dtype: "int32", shape: [sample.outputs], data: new Int32Array(sample.outputs) },
    } as const;
    expect(() => importWeights(whole32, stated(sample))).toThrow(/head\.bias has int32 values/);
  });
});

describe("other code bases", () => {
  const vit: Architecture = {
    ...sample,
    role: "encoder",
    pool: "class-token",
    outputs: 0,
    finalNorm: true,
    tables: "shared",
    vit: { ...sample.vit, positions: "learned", keyBias: true, layerScale: 0, init: "xavier" },
  };
  const names = (dialect: DialectName) => tensorNames(dialectOf(dialect), vit);
  const some = { dtype: "float32", shape: [1], data: Float32Array.of(1) } as const;

  it("MoCo v3: the query encoder, without heads and key encoder", () => {
    const { tensors } = exportWeights(numbered(vit), vit);
    const moco = Object.fromEntries(
      Object.entries(tensors).map(([name, leaf]) => [`module.base_encoder.${name}`, leaf]),
    );
    const heads = [
      "module.base_encoder.head.0.weight",
      "module.momentum_encoder.cls_token",
      "module.predictor.0.weight",
    ];
    const file = { ...moco, ...Object.fromEntries(heads.map((name) => [name, some])) };
    expect(detectDialect(Object.keys(file))).toBe("mocov3");
    const { weights, unused } = importWeights(file, { ...stated(vit), role: "encoder" });
    expect(weights).toEqual(numbered(vit));
    expect(unused).toEqual(heads);
    expect(names("mocov3")[0]?.theirs).toBe("module.base_encoder.patch_embed.proj.weight");
  });

  it("MAE, DINO and a classifier give an encoder; what serves other ends is listed", () => {
    const { tensors } = exportWeights(numbered(vit), vit);
    const take = (more: string[], dialect?: DialectName) =>
      importWeights(
        { ...tensors, ...Object.fromEntries(more.map((name) => [name, some])) },
        { ...stated(vit), ...(dialect && { dialect }) },
      );
    expect(take(["decoder_embed.weight", "mask_token"]).dialect).toBe("mae");
    expect(take(["head.weight", "head.bias"]).unused).toEqual(["head.bias", "head.weight"]);
    expect(take(["masked_embed"], "dino").unused).toEqual(["masked_embed"]);
    expect(() => take(["dist_token"])).toThrow(/extra: {3}dist_token/);
  });

  it("BEiT's own: head of pre-training and index left out, or taken for pre-training", () => {
    const pretraining: Architecture = { ...sample, role: "pretraining", outputs: 7, tables: "shared", finalNorm: true };
    const weights = numbered(pretraining);
    const { notes, tensors } = exportWeights(weights, pretraining);
    expect(notes).toHaveLength(1);
    const unilm: Record<string, HostArray> = {
      ...tensors,
      mask_token: weights["vit.maskToken"] as HostArray,
      "lm_head.weight": {
        dtype: "float32",
        shape: [7, sample.vit.width],
        data: new Float32Array(7 * sample.vit.width),
      },
      "lm_head.bias": weights["head.bias"] as HostArray,
      "rel_pos_bias.relative_position_index": { dtype: "int32", shape: [1], data: Int32Array.of(0) },
    };
    const encoder = importWeights(unilm, { ...stated(sample), role: "encoder" });
    expect(encoder.dialect).toBe("beit");
    expect(encoder.unused).toHaveLength(4);
    const again = importWeights(unilm, { ...stated(sample), role: "pretraining" });
    expect(again.architecture.outputs).toBe(7);
    expect(again.weights["vit.maskToken"]).toEqual(weights["vit.maskToken"]);
    expect(again.unused).toEqual(["rel_pos_bias.relative_position_index"]);
  });

  it("a stored sine-cosine table is held against the fixed one", () => {
    const fixed: Architecture = { ...vit, vit: { ...vit.vit, positions: "sincos" } };
    const { tensors } = exportWeights(numbered(fixed), fixed);
    const options = { ...stated(fixed), known: fixed.vit };
    expect(importWeights(tensors, options).weights).toEqual(numbered(fixed));
    const table = tensors["pos_embed"] as HostArray<"float32">;
    const changed = { ...tensors, pos_embed: { ...table, data: table.data.map((value) => value + 1e-3) } };
    expect(() => importWeights(changed, options)).toThrow(/pos_embed is not the fixed sine-cosine table/);
    // Nothing known: the stored values are what counts.
    expect(importWeights(changed, stated(fixed)).architecture.vit.positions).toBe("learned");
  });

  it("relative positions with a key bias go to timm without it", () => {
    const both: Architecture = { ...sample, vit: { ...sample.vit, keyBias: true } };
    const { tensors, notes } = exportWeights(numbered(both), both);
    expect(notes).toEqual([expect.stringContaining("keys' bias is left out")]);
    expect(Object.keys(tensors)).toContain("blocks.0.attn.q_bias");
    expect(Object.keys(tensors)).not.toContain("blocks.0.attn.qkv.bias");
  });
});
