import type { HostArray } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { misfitOf } from "../test/fixture.ts";
import { type Architecture, weightShapes } from "./interchange/architecture.ts";
import { type DialectName, dialectOf, tensorNames } from "./interchange/dialects.ts";
import { fixedPositions } from "./interchange/import-weights.ts";
import { outsideShape } from "./interchange/tensor-layout.ts";
import { importPerceptualNetwork, type PerceptualPresetName, perceptualPresets } from "./perceptual-presets.ts";
import type { VisionTransformerConfig } from "./vision-transformer.ts";

const shapeOf = (name: PerceptualPresetName) => perceptualPresets[name].vit as VisionTransformerConfig;

function encoder(vit: VisionTransformerConfig): Architecture {
  return { vit, role: "encoder", pool: "class-token", outputs: 0, tables: "shared", finalNorm: true };
}

/** A file's tensors in name and shape; only positions have values, since nothing else is looked at. */
function fileOf(name: PerceptualPresetName, dialect: DialectName, depth = 12): Record<string, HostArray> {
  const vit = { ...shapeOf(name), depth, positions: "learned" } as const;
  const shapes = weightShapes(encoder(vit));
  const file: Record<string, HostArray> = {};
  for (const { ours, theirs, layout } of tensorNames(dialectOf(dialect), encoder(vit))) {
    const shape = shapes[ours];
    if (shape !== undefined)
      file[theirs] = { dtype: "float32", shape: outsideShape(layout, shape), data: new Float32Array(0) };
  }
  const positions = `${dialectOf(dialect).prefix}pos_embed`;
  file[positions] = { ...(file[positions] as HostArray<"float32">), data: fixedPositions(vit) };
  return file;
}

describe("the presets of perceptual networks", () => {
  it("state heads, positions, colours and licence, which weights do not say", () => {
    const told = Object.entries(perceptualPresets).map(([name, { vit, mean, licence }]) => [
      name,
      vit?.heads ?? null,
      vit?.positions ?? null,
      mean[0],
      licence.split(" (")[0],
    ]);
    expect(told).toEqual([
      ["mocov3-vit-s16", 12, "sincos", 0.485, "CC BY-NC 4.0"],
      ["mocov3-vit-b16", 12, "sincos", 0.485, "CC BY-NC 4.0"],
      ["dino-vit-s16", 6, "learned", 0.485, "Apache-2.0"],
      ["dino-vit-b16", 12, "learned", 0.485, "Apache-2.0"],
      ["deit-vit-b16", 12, "learned", 0.485, "Apache-2.0"],
      ["timm-vit-b16", 12, "learned", 0.5, "Apache-2.0"],
      ["vgg16", null, null, 0.485, "BSD-3-Clause"],
    ]);
  });

  it("takes MoCo v3's checkpoint, without what it has for training, and its conversion to timm's names", () => {
    const checkpoint = fileOf("mocov3-vit-s16", "mocov3");
    const more = [
      "module.momentum_encoder.cls_token",
      "module.predictor.0.weight",
      "module.base_encoder.head.0.weight",
    ];
    for (const name of more) checkpoint[name] = { dtype: "float32", shape: [1], data: new Float32Array(1) };
    const { vit, weights } = importPerceptualNetwork("mocov3-vit-s16", checkpoint, 32);
    expect(vit).toEqual({ ...shapeOf("mocov3-vit-s16"), size: 32 });
    expect(shapesOf(weights)).toEqual(weightShapes(encoder(shapeOf("mocov3-vit-s16"))));
    const converted = importPerceptualNetwork("mocov3-vit-s16", fileOf("mocov3-vit-s16", "timm-vit"), 224);
    expect(Object.keys(converted.weights)).toEqual(Object.keys(weights));
  });

  it("resizes learned positions to the recipe's pictures", () => {
    const { vit, weights } = importPerceptualNetwork("dino-vit-s16", fileOf("dino-vit-s16", "timm-vit"), 112);
    expect(vit?.size).toBe(112);
    expect(shapesOf(weights)).toEqual(weightShapes(encoder({ ...shapeOf("dino-vit-s16"), size: 112 })));
  });

  it("refuses another network, naming what differs", () => {
    const learned = fileOf("dino-vit-s16", "timm-vit");
    (learned["pos_embed"] as HostArray<"float32">).data[500] = 9;
    expect(misfitOf(() => importPerceptualNetwork("mocov3-vit-s16", learned, 224)).wrong).toEqual([
      { name: "pos_embed", problem: expect.stringContaining("is not the fixed sine-cosine table; it differs by") },
    ]);
    const wide = misfitOf(() => importPerceptualNetwork("dino-vit-b16", fileOf("dino-vit-s16", "timm-vit", 1), 224));
    expect(wide.wrong.map(({ name }) => name)).toContain("blocks.0.mlp.fc1.bias");
    expect(wide.missing).toContain("blocks.11.mlp.fc2.weight");
    const raw = misfitOf(() => importPerceptualNetwork("deit-vit-b16", fileOf("mocov3-vit-s16", "mocov3", 1), 224));
    expect(raw.missing).toContain("patch_embed.proj.weight");
    expect(raw.extra).toContain("module.base_encoder.patch_embed.proj.weight");
  });
});

function shapesOf(weights: Readonly<Record<string, HostArray>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(weights).map(([path, { shape }]) => [path, shape]));
}
