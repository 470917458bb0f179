import { type HostArray, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { arraysUnder, expectEqual, misfitOf, readFixture, treeOf } from "../test/fixture.ts";
import { importVgg16 } from "./interchange/import-vgg16.ts";
import { lpipsFeatures, type Vgg16 } from "./vgg16.ts";

const widths = [4, 6, 8, 10, 12];
const file = arraysUnder("vgg16", "weights.");
const plain = Object.fromEntries(Object.entries(file).filter(([name]) => !name.startsWith("lin")));
const reference = readFixture("vgg16");
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const original = tf.cast(reference("original"), "float32") as tf.Tensor4D;
const reconstruction = reference("reconstruction") as tf.Tensor4D;

/** Mean over places and channels of the squared difference at each layer, [layers, batch]. */
function layerDistances(vgg: Vgg16, pictures: tf.Tensor4D): tf.Tensor2D {
  const features = lpipsFeatures(vgg, imageNet, [1, 2, 3, 4, 5]);
  const [found, wanted] = [features(pictures), features(original)];
  return tf.stack(
    found.map((layer, i) => tf.mean(tf.squaredDifference(layer, wanted[i] as tf.Tensor3D), [1, 2])),
  ) as tf.Tensor2D;
}

describe.each([
  ["lpips", file],
  ["baseline", plain],
] as const)("VGG-16 compared as %s", (name, tensors) => {
  const vgg = treeOf<Vgg16>(importVgg16(tensors, widths));

  it("gives PyTorch's distance at every layer, also for values beyond 0..255", () => {
    expectEqual(layerDistances(vgg, reconstruction), reference(`${name}.layers`));
  });

  it("sends PyTorch's gradient into the reconstruction", () => {
    const { grad } = valueAndGrad((pictures: tf.Tensor4D) => ({
      loss: tf.mean<tf.Scalar>(tf.sum(layerDistances(vgg, pictures), 0)),
      aux: {},
    }))(reconstruction);
    expectEqual(grad, reference(`${name}.gradient`));
  });
});

describe("VGG-16", () => {
  it("has finite gradients at places without any feature", () => {
    const vgg = treeOf<Vgg16>(importVgg16(file, widths));
    const dead = vgg.blocks.map((block) =>
      block.map(({ kernel, bias }) => ({ kernel: tf.zerosLike(kernel), bias: tf.sub<tf.Tensor1D>(bias, 10) })),
    );
    const { grad } = valueAndGrad((pictures: tf.Tensor4D) => ({
      loss: tf.sum<tf.Scalar>(layerDistances({ ...vgg, blocks: dead }, pictures)),
      aux: {},
    }))(reconstruction);
    expect(grad.dataSync().every((value) => value === 0)).toBe(true);
  });

  it("computes no block beyond the last that is named", () => {
    const vgg = treeOf<Vgg16>(importVgg16(file, widths));
    const [found] = lpipsFeatures({ ...vgg, blocks: vgg.blocks.slice(0, 2) }, imageNet, [2])(original);
    expectEqual(found as tf.Tensor, lpipsFeatures(vgg, imageNet, [2])(original)[0] as tf.Tensor, 0);
    expect(found?.shape).toEqual([2, 256, 6]);
  });

  it("is read from torchvision's names in its published widths, the classifier left out", () => {
    const none = { dtype: "float32", shape: [1], data: new Float32Array(1) } as const;
    const { missing, extra, wrong } = misfitOf(() =>
      importVgg16({ "features.28.weight": none, "classifier.0.weight": none, "features.30.weight": none }),
    );
    expect(missing).toHaveLength(25);
    expect(missing.slice(0, 5)).toEqual([
      "features.0.weight",
      "features.0.bias",
      "features.2.weight",
      "features.2.bias",
      "features.5.weight",
    ]);
    expect(wrong).toEqual([{ name: "features.28.weight", problem: "has shape [1] and not [512, 512, 3, 3]" }]);
    expect(extra).toEqual(["features.30.weight"]);
  });

  it("takes weights of the channels for all layers or none, and none below 0", () => {
    const { "lin3.model.1.weight": fourth, ...rest } = file;
    expect(misfitOf(() => importVgg16(rest, widths)).missing).toEqual(["lin3.model.1.weight"]);
    const below = {
      ...(fourth as HostArray),
      data: Float32Array.from((fourth as HostArray).data, () => -1),
    } as HostArray;
    expect(misfitOf(() => importVgg16({ ...file, "lin3.model.1.weight": below }, widths)).wrong).toEqual([
      { name: "lin3.model.1.weight", problem: "has values below 0" },
    ]);
  });
});
