import { crossEntropy, leaves } from "@peco/nn";
import { random, type Tree, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import {
  type Classifier,
  classAttention,
  classify,
  initClassifier,
  initMaskedModel,
  initVisionTransformer,
  type MaskedModel,
  maskedLoss,
  maskedPatches,
  maskedPixelLoss,
  predictMasked,
  sinCosPositions,
  type VisionTransformerConfig,
  visionTransformer,
} from "../src/index.ts";
import { expectEqual, readFixture } from "./fixture.ts";

const fixture = readFixture("vision-transformer");
const pictures = fixture("pictures") as tf.Tensor4D;
const mask = fixture("mask") as tf.Tensor2D;
const codes = 11;
const classes = 5;
const config: VisionTransformerConfig = {
  size: 16,
  patch: 4,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  width: 16,
  depth: 2,
  heads: 4,
  mlpRatio: 4,
  positions: "sincos",
  init: "xavier",
  layerScale: 0,
  keyBias: true,
};
const beit: VisionTransformerConfig = {
  ...config,
  positions: "relative",
  init: "beit",
  layerScale: 0.1,
  keyBias: false,
};
const key = random.key(3n);

/** The fixture's values of a case in the structure of freshly drawn parameters. */
function fromFixture<T extends Tree>(name: string, fresh: T): T {
  const put = (tree: Tree, path: string): Tree => {
    if (tree instanceof tf.Tensor) {
      const value = fixture(path);
      expect(value.shape, path).toEqual(tree.shape);
      return value;
    }
    if (Array.isArray(tree)) return tree.map((child, i) => put(child, `${path}.${i}`));
    return Object.fromEntries(
      Object.entries(tree as object).map(([part, child]) => [part, put(child, `${path}.${part}`)]),
    );
  };
  return put(fresh, name) as T;
}

function expectGradients(name: string, grad: Tree): void {
  for (const { path, tensor } of leaves(grad)) {
    expectEqual(tensor, fixture(`${name}.${path}.gradient`));
  }
}

describe("vision transformer against timm", () => {
  for (const [name, shape] of [
    ["sincos", config],
    ["beit", beit],
  ] as const) {
    it(`${name}: where the class token of the last block looks`, () => {
      const { vit }: MaskedModel = fromFixture(name, initMaskedModel(key, shape, codes));
      expectEqual(classAttention(vit, shape, pictures), fixture(`${name}.classAttention`));
    });
  }

  for (const [name, shape] of [
    ["sincos", config],
    ["beit", beit],
  ] as const) {
    it(`${name}: blocks, final tokens, masked loss and all gradients`, () => {
      const model: MaskedModel = fromFixture(name, initMaskedModel(key, shape, codes));
      const output = visionTransformer(model.vit, shape, pictures, { mask });
      output.blocks.forEach((block, i) => {
        expectEqual(block, fixture(`${name}.block${i}`));
      });
      expectEqual(output.tokens, fixture(`${name}.tokens`));

      const chosen = maskedPatches(mask, 6);
      const { loss, aux, grad } = valueAndGrad((params: MaskedModel) => {
        const result = maskedLoss(
          predictMasked(params, shape, pictures, mask, chosen),
          fixture("visualTokens") as tf.Tensor2D,
          chosen,
        );
        return { loss: result.loss, aux: result.accuracy };
      })(model);
      expectEqual(loss, fixture(`${name}.loss`));
      expectEqual(aux, fixture(`${name}.accuracy`));
      expectGradients(name, grad as Tree);
    });
  }

  it("masked pixels: loss and gradient", () => {
    const chosen = maskedPatches(mask, 6);
    const all = fixture("pixels.predicted");
    const { loss, grad } = valueAndGrad((params: { predicted: tf.Tensor }) => {
      // what the head would give at the chosen patches
      const predicted = tf.reshape<tf.Rank.R2>(tf.gather(params.predicted, chosen.patches, 1, 1), [-1, 48]);
      return { ...maskedPixelLoss(predicted, pictures, config, chosen), aux: null };
    })({ predicted: all });
    expectEqual(loss, fixture("pixels.loss"));
    expectEqual((grad as { predicted: tf.Tensor }).predicted, fixture("pixels.gradient"));
  });

  it("classifier: logits, smoothed loss and all gradients, with learned positions", () => {
    const shape: VisionTransformerConfig = { ...config, positions: "learned" };
    const model: Classifier = fromFixture("classifier", initClassifier(key, shape, { classes }));
    expectEqual(classify(model, shape, pictures), fixture("classifier.logits"));
    const { loss, grad } = valueAndGrad((params: Classifier) => {
      const logits = classify(params, shape, pictures);
      return { loss: tf.mean<tf.Scalar>(crossEntropy(logits, fixture("labels") as tf.Tensor1D, 0.1)), aux: null };
    })(model);
    expectEqual(loss, fixture("classifier.loss"));
    expectGradients("classifier", grad as Tree);
  });

  it("sine-cosine positions are MoCo v3's, row before column", () => {
    expectEqual(tf.tensor(sinCosPositions(4, 4, 16), [16, 16]), fixture("sinCos.4x4"));
    expect(() => sinCosPositions(4, 4, 18)).toThrow("divisible by 4, not 18");
  });

  it("drop path leaves branches out per picture, never in the first block", () => {
    const shape: VisionTransformerConfig = { ...config, depth: 2 };
    const vit = initVisionTransformer(key, shape, "encoder");
    const many = tf.tile(tf.slice(pictures, 0, 1), [400, 1, 1, 1]);
    const blocks = (rate: number) =>
      visionTransformer(vit, shape, many, rate === 0 ? {} : { dropPath: { rate, key } }).blocks as [
        tf.Tensor,
        tf.Tensor,
      ];
    const [whole, dropped] = [blocks(0), blocks(0.5)];
    expectEqual(dropped[0], whole[0]);
    // All pictures are one picture: what a picture's second block adds tells which of its two branches were kept.
    const added = tf.reshape(tf.sub(dropped[1], dropped[0]), [400, -1]);
    const sizes = Array.from(tf.max(tf.abs(added), 1).dataSync(), (size) => size.toFixed(4));
    const kinds = new Map([...new Set(sizes)].map((size) => [size, sizes.filter((other) => other === size).length]));
    expect(kinds.size).toBe(4);
    for (const count of kinds.values()) expect(Math.abs(count - 100)).toBeLessThan(5 * Math.sqrt(400 * 0.25 * 0.75));
    expect(kinds.has("0.0000")).toBe(true);
  });
});
