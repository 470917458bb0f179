import { leaves } from "@peco/nn";
import { random, type Tree, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import {
  initClassifier,
  initMaskedModel,
  initVisionTransformer,
  maskedPatches,
  type VisionTransformerConfig,
  visionTransformer,
} from "../src/index.ts";

const config: VisionTransformerConfig = {
  ...{ size: 32, patch: 8, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  ...{ width: 64, depth: 3, heads: 4, mlpRatio: 4 },
  ...{ positions: "sincos", init: "xavier", layerScale: 0, keyBias: true },
};
const beit: VisionTransformerConfig = {
  ...config,
  positions: "relative",
  init: "beit",
  layerScale: 0.1,
  keyBias: false,
};
const key = random.key(11n);

/** Deviation around 0 and largest size of each parameter. */
function spread(tree: Tree): Map<string, { deviation: number; largest: number }> {
  return new Map(
    leaves(tree).map(({ path, tensor }) => {
      const values = Array.from(tensor.dataSync());
      const squares = values.reduce((sum, value) => sum + value ** 2, 0);
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return [path, { deviation: Math.sqrt(squares / values.length), largest }];
    }),
  );
}

describe("initial weights", () => {
  it("xavier: every layer uniform by its own widths, query, key and value apart, all else at rest", () => {
    const drawn = spread(initVisionTransformer(key, config, "encoder"));
    const bound = (inputs: number, outputs: number) => Math.sqrt(6 / (inputs + outputs));
    for (const [path, limit] of [
      ["patchEmbedding.weight", bound(192, 64)],
      ["blocks.1.attention.qkv.weight", bound(64, 64)],
      ["blocks.1.attention.out.weight", bound(64, 64)],
      ["blocks.2.mlp.in.weight", bound(64, 256)],
      ["blocks.2.mlp.out.weight", bound(256, 64)],
    ] as const) {
      const { deviation, largest } = drawn.get(path) as { deviation: number; largest: number };
      expect(largest, path).toBeLessThanOrEqual(limit);
      expect(largest, path).toBeGreaterThan(0.98 * limit);
      expect(Math.abs(deviation / (limit / Math.sqrt(3)) - 1), path).toBeLessThan(0.03);
    }
    expect(drawn.get("classToken")?.largest).toBeLessThan(1e-5);
    expect(drawn.get("blocks.0.attention.qkv.bias")?.largest).toBe(0);
    expect(drawn.get("norm.scale")).toEqual({ deviation: 1, largest: 1 });
    expect(drawn.has("maskToken")).toBe(false);
  });

  it("beit, pre-training: cut at one deviation, later branches smaller", () => {
    const drawn = spread(initMaskedModel(key, beit, 256) as unknown as Tree);
    const real = 0.0108; // of .02 cut at ±.02
    for (const [path, factor] of [
      ["vit.patchEmbedding.weight", 1],
      ["vit.blocks.2.attention.qkv.weight", 1],
      ["head.weight", 1],
      ["vit.blocks.0.attention.out.weight", 1 / Math.sqrt(2)],
      ["vit.blocks.2.mlp.out.weight", 1 / Math.sqrt(6)],
    ] as const) {
      const { deviation, largest } = drawn.get(path) as { deviation: number; largest: number };
      expect(largest, path).toBeLessThanOrEqual(0.02 * factor * (1 + 1e-6));
      expect(Math.abs(deviation / (real * factor) - 1), path).toBeLessThan(0.03);
    }
    expect(drawn.get("vit.maskToken")?.largest).toBeGreaterThan(0);
    expect(drawn.get("vit.relativePositions")?.largest).toBe(0);
    expect(drawn.get("vit.blocks.1.layerScale2")?.largest).toBeCloseTo(0.1, 6);
    expect(drawn.has("vit.blocks.1.attention.qkv.queryBias")).toBe(true);
    expect(drawn.has("vit.blocks.1.attention.qkv.bias")).toBe(false);
  });

  it("beit, from scratch: not cut, PyTorch's patch embedding, a head that says little", () => {
    const drawn = spread(initClassifier(key, beit, { classes: 1000, headInitScale: 0.001 }) as unknown as Tree);
    expect(drawn.get("vit.blocks.1.attention.qkv.weight")?.largest).toBeGreaterThan(0.05);
    expect(Math.abs((drawn.get("vit.blocks.1.attention.qkv.weight")?.deviation ?? 0) / 0.02 - 1)).toBeLessThan(0.03);
    expect(drawn.get("vit.patchEmbedding.bias")?.largest).toBeLessThanOrEqual(1 / Math.sqrt(192));
    expect(drawn.get("vit.patchEmbedding.bias")?.largest).toBeGreaterThan(0.8 / Math.sqrt(192));
    expect(Math.abs((drawn.get("head.weight")?.deviation ?? 0) / 2e-5 - 1)).toBeLessThan(0.03);
    expect(drawn.has("vit.blocks.2.relativePositions")).toBe(true);
    expect(drawn.has("vit.relativePositions")).toBe(false);
  });

  it("the same key draws the same, another key or block something else, and nothing is left behind", () => {
    const before = tf.memory().numTensors;
    const [first, again, other] = [key, key, random.key(12n)].map((k) => initVisionTransformer(k, beit, "pretraining"));
    const qkv = (vit: typeof first, block: number) => vit?.blocks[block]?.attention.qkv.weight.dataSync();
    expect(qkv(first, 0)).toEqual(qkv(again, 0));
    expect(qkv(first, 0)).not.toEqual(qkv(other, 0));
    expect(qkv(first, 0)).not.toEqual(qkv(first, 1));
    tf.dispose([first, again, other] as unknown as tf.TensorContainer);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("masks", () => {
  it("the masked patches come in order, filled up with weight 0 where a picture has fewer", () => {
    const mask = tf.tensor2d([
      [0, 1, 1, 0, 0, 1],
      [0, 0, 0, 0, 1, 0],
    ]);
    const { patches, weights } = maskedPatches(mask, 3);
    expect(weights.arraySync()).toEqual([
      [1, 1, 1],
      [1, 0, 0],
    ]);
    expect(patches.arraySync()[0]).toEqual([1, 2, 5]);
    expect(patches.arraySync()[1]?.[0]).toBe(4);
  });

  it("what lies under a mask does not matter, and what does not, does", () => {
    const vit = initVisionTransformer(key, config, "pretraining");
    const mask = tf.tensor2d([Array.from({ length: 16 }, (_, i) => (i < 4 ? 1 : 0))]);
    // The first four patches are the picture's top eight rows.
    const white = (from: number, rows: number) =>
      tf.pad(tf.fill([1, rows, 32, 3], 255), [
        [0, 0],
        [from, 32 - from - rows],
        [0, 0],
        [0, 0],
      ]) as tf.Tensor4D;
    const tokens = (pictures: tf.Tensor4D) => visionTransformer(vit, config, pictures, { mask }).tokens.dataSync();
    expect(tokens(white(0, 8))).toEqual(tokens(tf.zeros([1, 32, 32, 3])));
    expect(tokens(white(8, 8))).not.toEqual(tokens(tf.zeros([1, 32, 32, 3])));
    const encoder = initVisionTransformer(key, config, "encoder");
    expect(() => visionTransformer(encoder, config, white(0, 8), { mask })).toThrow("no mask token");
  });
});
