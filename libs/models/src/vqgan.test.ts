import { leaves } from "@peco/nn";
import { random, type Tree, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { fixtureTree } from "../test/fixture-tree.ts";
import {
  adaptiveWeight,
  discriminate,
  hingeLoss,
  initPatchDiscriminator,
  type PatchDiscriminator,
} from "./patch-discriminator.ts";
import { decode, encode, initVqAutoencoder, lastKernel, withLastKernel } from "./vq-autoencoder.ts";
import { decodeVqgan, encodeVqgan, initVqgan, type VqganAutoencoder } from "./vqgan.ts";

const largestOf = (tensor: tf.Tensor) => tf.max<tf.Scalar>(tf.abs(tensor)).arraySync();
const config = { channels: [6, 10], blocks: "vqgan", residualBlocks: 1, attention: true, width: 5 } as const;

describe("VQGAN's autoencoder", () => {
  const reference = readFixture("vqgan");
  const params = fixtureTree(reference, initVqgan(config, random.key(1n)));
  const pictures = reference("pictures") as tf.Tensor4D;
  const latents = reference("latents") as tf.Tensor4D;

  it("encodes and decodes as PyTorch does", () => {
    expectEqual(encodeVqgan(params, pictures), latents);
    expectEqual(decodeVqgan(params, latents), reference("decoded"));
  });

  /** How far PyTorch's own float32 is from float64. */
  const own = (path: string) => reference(`float32.${path}`).dataSync()[0] as number;

  it("has gradients as near to float64's as PyTorch's float32, but for the keys' biases, whose true gradient is zero", () => {
    const { grad } = valueAndGrad((p: VqganAutoencoder) => {
      const z = encodeVqgan(p, pictures);
      const pulled = tf.sum<tf.Scalar>(tf.mul(z, reference("pull")));
      return { loss: tf.add(pulled, tf.sum(tf.mul(decodeVqgan(p, z), reference("weights")))), aux: {} };
    })(params);
    const all = leaves(grad as unknown as Tree);
    const largest = Math.max(...all.map(({ tensor }) => largestOf(tensor)));
    const [zero, others] = [true, false].map((isZero) =>
      all.filter(({ path }) => path.endsWith("key.bias") === isZero),
    );
    for (const { tensor } of zero ?? []) expect(largestOf(tensor)).toBeLessThan(1e-6 * largest);
    const apart = (others ?? []).map(({ path, tensor }) => {
      const expected = reference(`gradient.${path}`);
      return { own: own(path), ours: largestOf(tf.sub(tensor, expected)) / largestOf(expected) };
    });
    expect(Math.max(...apart.map(({ ours }) => ours))).toBeLessThan(2 * Math.max(...apart.map(({ own }) => own)));
    // in the encoder's lowest level and middle, in the decoder's middle and twice in its lowest level
    expect(zero).toHaveLength(5);
    expect(others).toHaveLength(177);
  });

  it("has a grid of the picture over 2 to the number of its channels, with and without attention", () => {
    const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    for (const attention of [true, false]) {
      const plain = initVqAutoencoder({ ...config, attention, residualBlocks: 2 }, random.key(2n));
      const z = encode(plain, tf.fill([1, 24, 16, 3], 127.5), normalisation);
      expect(z.shape).toEqual([1, 6, 4, 5]);
      expect(decode(plain, z, normalisation).shape).toEqual([1, 24, 16, 3]);
      const names = leaves(plain as unknown as Tree).map(({ path }) => path);
      expect(names.some((path) => path.includes("attention"))).toBe(attention);
    }
  });

  it("can be given another last kernel", () => {
    for (const blocks of ["plain", "vqgan"] as const) {
      const some = initVqAutoencoder({ ...config, blocks }, random.key(3n));
      const other = withLastKernel(some, tf.zerosLike(lastKernel(some)));
      expect(tf.sum(tf.abs(lastKernel(other))).arraySync()).toBe(0);
      const before = leaves(some as unknown as Tree);
      const changed = leaves(other as unknown as Tree).filter(({ tensor }, i) => tensor !== before[i]?.tensor);
      expect(changed).toHaveLength(1);
    }
  });
});

describe("the discriminator", () => {
  const reference = readFixture("patch-discriminator");
  const params = fixtureTree(reference, initPatchDiscriminator({ channels: 4, layers: 3 }, random.key(1n)));
  const [real, fake] = [reference("real") as tf.Tensor4D, reference("fake") as tf.Tensor4D];

  it("answers, is trained and trains as PyTorch's", () => {
    expectEqual(discriminate(params, real), reference("answersReal"));
    const { loss, grad } = valueAndGrad((p: PatchDiscriminator) => ({
      loss: hingeLoss(discriminate(p, real), discriminate(p, fake)),
      aux: {},
    }))(params);
    expectEqual(loss, reference("hinge"));
    for (const { path, tensor } of leaves(grad as unknown as Tree)) expectEqual(tensor, reference(`gradient.${path}`));
    const generator = valueAndGrad((x: tf.Tensor4D) => ({
      loss: tf.neg(tf.mean<tf.Scalar>(discriminate(params, x))),
      aux: {},
    }))(fake);
    expectEqual(generator.loss, reference("generator"));
    expectEqual(generator.grad, reference("fakeGradient"));
  });

  it("weighs its gradient against the other one, up to ten thousand", () => {
    const [one, two] = [reference("one"), reference("two")];
    expectEqual(adaptiveWeight(one, two), reference("adaptive"));
    expect(adaptiveWeight(tf.mul(one, 1e9), two).arraySync()).toBe(1e4);
  });

  it("starts with kernels around 0 and scales around 1, deviating by .02", () => {
    const fresh = initPatchDiscriminator({ channels: 64, layers: 3 }, random.key(2n));
    expect(fresh.map(({ kernel }) => kernel.shape.slice(2))).toEqual([
      [3, 64],
      [64, 128],
      [128, 256],
      [256, 512],
      [512, 1],
    ]);
    const { mean, variance } = tf.moments(fresh[2]?.kernel as tf.Tensor);
    expect(mean.dataSync()[0]).toBeCloseTo(0, 3);
    expect(Math.sqrt(variance.dataSync()[0] as number)).toBeCloseTo(0.02, 3);
    expect(tf.mean(fresh[3]?.norm?.scale as tf.Tensor).dataSync()[0]).toBeCloseTo(1, 2);
  });
});
