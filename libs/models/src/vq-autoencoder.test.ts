import { leaves, normalisePictures } from "@peco/nn";
import { random, type Tree, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { perceptualLoss } from "./perceptual-loss.ts";
import {
  decode,
  decodeTokens,
  encode,
  encodeTokens,
  initVqAutoencoder,
  type PlainAutoencoder,
  type VqAutoencoder,
} from "./vq-autoencoder.ts";
import { vqLoss } from "./vq-loss.ts";

const reference = readFixture("vq-autoencoder");
const config = { channels: [4, 6], blocks: "plain", residualBlocks: 2, attention: false, width: 5 } as const;
const options = {
  codes: "ema",
  unitLength: false,
  commitment: 0.25,
  codebookWeight: 1,
  loss: { pixel: 0.1, pixelPower: 2, pixelVariance: 0.05, perceptual: 1, norm: "layernorm" },
} as const;
const normalisation = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.25, 0.25] };

/** The fixture's pictures are normalised; ours have values 0..255. */
const raw = (normalised: tf.Tensor): tf.Tensor4D => tf.mul(tf.add(tf.mul(normalised, 0.25), normalisation.mean), 255);

/** The fixture's tree has the names of ours: its tensors by the paths of a fresh network. */
function fixtureTree(prefix: string): VqAutoencoder {
  const build = (tree: Tree, path: string): Tree => {
    if (tree instanceof tf.Tensor) return reference(`${prefix}${path}`);
    if (Array.isArray(tree)) return tree.map((child, i) => build(child as Tree, `${path}.${i}`));
    const children = Object.entries(tree as Record<string, Tree>);
    return Object.fromEntries(
      children.map(([name, child]) => [name, build(child, path === "" ? name : `${path}.${name}`)]),
    );
  };
  return build(initVqAutoencoder(config, random.key(1n)), "") as VqAutoencoder;
}

/** The stand-in perceptual network of the fixture: two tanh layers on 4x4 patches, channels outermost. */
function features(pictures: tf.Tensor4D): tf.Tensor3D[] {
  const [batch, height, width] = pictures.shape;
  const cells = tf.reshape(normalisePictures(pictures, normalisation), [batch, height / 4, 4, width / 4, 4, 3]);
  const rows = tf.reshape(tf.transpose(cells, [0, 1, 3, 5, 2, 4]), [-1, 48]);
  const one = tf.tanh(tf.matMul(rows, reference("first") as tf.Tensor2D));
  const two = tf.tanh(tf.matMul(one, reference("second") as tf.Tensor2D));
  return [one, two].map((layer) => tf.reshape(layer, [batch, -1, 6]));
}

describe("the VQ autoencoder", () => {
  const params = fixtureTree("");
  const pictures = raw(reference("pictures"));
  const codes = reference("codes") as tf.Tensor2D;

  it("encodes, quantises and decodes as PyTorch does", () => {
    expectEqual(encode(params, pictures, normalisation), reference("latents"));
    const tokens = encodeTokens(params, codes, pictures, normalisation);
    expect(tokens.arraySync()).toEqual(reference("indices").arraySync());
    expectEqual(decodeTokens(params, codes, tokens, normalisation), raw(reference("reconstruction")));
  });

  it("has PyTorch's loss, terms and gradients", () => {
    const { loss, aux, grad } = valueAndGrad((p: VqAutoencoder) => {
      const { loss, pixel, perceptual, commitment } = vqLoss({ autoencoder: p, vectors: codes }, pictures, features, {
        ...options,
        normalisation,
      });
      return { loss, aux: { pixel, perceptual, commitment } };
    })(params);
    expectEqual(loss, reference("loss"));
    expectEqual(aux.pixel, reference("pixel"));
    expectEqual(aux.perceptual, reference("perceptual"));
    expectEqual(aux.commitment, reference("commitment"));
    for (const { path, tensor } of leaves(grad)) expectEqual(tensor, reference(`gradient.${path}`));
  });

  it("starts with residual blocks that do nothing", () => {
    const fresh = initVqAutoencoder(config, random.key(7n)) as PlainAutoencoder;
    const without = { ...fresh, encoder: { ...fresh.encoder, blocks: [] }, decoder: { ...fresh.decoder, blocks: [] } };
    const latents = encode(fresh, pictures, normalisation);
    expectEqual(latents, encode(without, pictures, normalisation), 0);
    expectEqual(decode(fresh, latents, normalisation), decode(without, latents, normalisation), 0);
  });
});

describe("the perceptual loss", () => {
  const original = raw(reference("pictures"));

  it("has PyTorch's gradient in the reconstruction", () => {
    const { loss, grad } = valueAndGrad((x: tf.Tensor4D) => ({
      loss: perceptualLoss(features(x), features(original), { norm: "layernorm" }),
      aux: {},
    }))(raw(reference("reconstruction")));
    expectEqual(loss, reference("perceptual"));
    expectEqual(tf.mul(grad, 255 * 0.25), reference("perceptualGradient"));
  });

  it("sees no difference in scale and offset with layernorm, none in scale with l2", () => {
    const tokens = features(original);
    const moved = tokens.map((layer) => tf.add<tf.Tensor3D>(tf.mul(layer, 3), 0.5));
    const longer = tokens.map((layer) => tf.mul<tf.Tensor3D>(layer, 3));
    expect(perceptualLoss(moved, tokens, { norm: "layernorm" }).arraySync()).toBeLessThan(1e-6);
    expect(perceptualLoss(longer, tokens, { norm: "l2" }).arraySync()).toBeLessThan(1e-6);
    expect(perceptualLoss(moved, tokens, { norm: "l2" }).arraySync()).toBeGreaterThan(1e-3);
    expect(perceptualLoss(longer, tokens, { norm: "none" }).arraySync()).toBeGreaterThan(1e-3);
  });

  it("refuses layers that do not pair", () => {
    expect(() => perceptualLoss(features(original), [], { norm: "none" })).toThrow("2 layers against 0");
  });
});
