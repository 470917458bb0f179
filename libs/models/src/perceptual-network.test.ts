import { random, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual } from "../test/fixture.ts";
import { perceptualLoss } from "./perceptual-loss.ts";
import { classToken, perceptualFeatures } from "./perceptual-network.ts";
import { visionTransformer } from "./vision-transformer.ts";
import { initVisionTransformer } from "./vision-transformer-init.ts";

const config = {
  size: 16,
  patch: 8,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  width: 8,
  depth: 3,
  heads: 2,
  mlpRatio: 2,
  positions: "sincos",
  init: "xavier",
  layerScale: 0,
  keyBias: true,
} as const;
const vit = initVisionTransformer(random.key(1), config, "encoder");
const draw = (seed: number) => random.uniform(random.key(seed), [2, 16, 16, 3], 0, 255) as tf.Tensor4D;
const original = draw(2);

describe("the perceptual network", () => {
  it("compares patches after the named blocks, counted from 1, without the class token", () => {
    const { blocks } = visionTransformer(vit, config, original);
    const features = perceptualFeatures(vit, config, [1, 3])(original);
    expect(features.map(({ shape }) => shape)).toEqual([
      [2, 4, 8],
      [2, 4, 8],
    ]);
    features.forEach((feature, i) => {
      expectEqual(feature, tf.slice(blocks[2 * i] as tf.Tensor3D, [0, 1, 0], [-1, 4, -1]), 0);
    });
  });

  it("needs no block beyond the last that is named", () => {
    const short = { ...vit, blocks: vit.blocks.slice(0, 2) };
    const expected = perceptualFeatures(vit, config, [2])(original);
    expectEqual(perceptualFeatures(short, config, [2])(original)[0] as tf.Tensor, expected[0] as tf.Tensor, 0);
  });

  it("sends gradients into the reconstruction, as finite differences say", () => {
    const features = perceptualFeatures(vit, config, [2, 3]);
    const loss = (x: tf.Tensor4D) => perceptualLoss(features(x), features(original), { norm: "layernorm" });
    const [at, along] = [draw(3), random.normal(random.key(4), original.shape) as tf.Tensor4D];
    const { grad } = valueAndGrad((x: tf.Tensor4D) => ({ loss: loss(x), aux: {} }))(at);
    const slope = tf.sum<tf.Scalar>(tf.mul(grad, along)).arraySync();
    const step = 0.5;
    const [up, down] = [1, -1].map((sign) => loss(tf.add(at, tf.mul(along, sign * step))).arraySync());
    const measured = ((up as number) - (down as number)) / (2 * step);
    expect(Math.abs(measured / slope - 1)).toBeLessThan(0.02);
  });

  it("is trained by its class token after the final norm", () => {
    const { tokens } = visionTransformer(vit, config, original);
    const expected = tf.squeeze(tf.slice(tokens, [0, 0, 0], [-1, 1, -1]), [1]);
    expectEqual(classToken(vit, config, original), expected, 0);
  });
});
