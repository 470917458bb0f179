import { tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { followQuery, initialMocoKey, type MocoQuery, mocoKeys, mocoLoss, type ViewPair } from "./moco.ts";
import type { MocoHead } from "./moco-head.ts";
import { contrastiveLoss, keyDeviation, unitRows } from "./moco-loss.ts";
import { keyMomentum } from "./moco-momentum.ts";

const reference = readFixture("moco");
const temperature = 0.2;

function head(name: string, layers: number): MocoHead {
  return Array.from({ length: layers }, (_, i) => {
    const linear = { weight: reference(`${name}.${i}.kernel`) as tf.Tensor2D };
    if (i === layers - 1) return { linear };
    const [scale, bias] = ["scale", "offset"].map((part) => reference(`${name}.${i}.${part}`) as tf.Tensor1D);
    return { linear, norm: { scale: scale as tf.Tensor1D, bias: bias as tf.Tensor1D } };
  });
}

/** The encoder of the fixture gives its parameter, whatever the pictures: features are the leaves of the gradient. */
type Stand = { first: tf.Tensor2D; second: tf.Tensor2D };
const views = [tf.zeros([1, 1, 1, 3]), tf.ones([1, 1, 1, 3])] as unknown as ViewPair;
const encode = (params: Stand, view: tf.Tensor4D) => (view === views[0] ? params.first : params.second);
const features = (name: string): Stand => ({
  first: reference(`${name}1`) as tf.Tensor2D,
  second: reference(`${name}2`) as tf.Tensor2D,
});

describe("MoCo v3", () => {
  const query: MocoQuery<Stand> = {
    encoder: features("features"),
    projector: head("projector", 3),
    predictor: head("predictor", 2),
  };
  const keys = mocoKeys(encode, { encoder: features("keyFeatures"), projector: head("keyProjector", 3) }, views);

  it("gives PyTorch's keys, loss and metrics", () => {
    expectEqual(keys[0], reference("key1"));
    expectEqual(keys[1], reference("key2"));
    const shown = mocoLoss(encode, query, views, keys, temperature);
    expectEqual(shown.loss, reference("loss"));
    expectEqual(shown.instanceAccuracy, reference("accuracy"));
    expectEqual(shown.keyDeviation, reference("keyDeviation"));
  });

  it("gives PyTorch's gradients for heads and features", () => {
    const { grad } = valueAndGrad((q: MocoQuery<Stand>) => ({
      loss: mocoLoss(encode, q, views, keys, temperature).loss,
      aux: {},
    }))(query);
    expectEqual(grad.encoder.first, reference("gradient.features1"));
    expectEqual(grad.encoder.second, reference("gradient.features2"));
    for (const name of ["projector", "predictor"] as const) {
      grad[name].forEach(({ linear, norm }, i) => {
        expectEqual(linear.weight, reference(`gradient.${name}.${i}.kernel`));
        if (norm === undefined) return;
        expectEqual(norm.scale, reference(`gradient.${name}.${i}.scale`));
        expectEqual(norm.bias, reference(`gradient.${name}.${i}.offset`));
      });
    }
  });

  it("lets the key network follow the query network", () => {
    const key = { encoder: features("keyFeatures"), projector: head("keyProjector", 3) };
    const next = followQuery(key, query, 0.75);
    const expected = tf.add(tf.mul(key.encoder.first, 0.75), tf.mul(query.encoder.first, 0.25));
    expectEqual(next.encoder.first, expected);
    expect(Object.keys(next).sort()).toEqual(["encoder", "projector"]);
    expectEqual(followQuery(initialMocoKey(query), query, 0.3).encoder.second, query.encoder.second);
  });
});

describe("the contrastive loss", () => {
  it("is 2 T ln n for a collapsed network, whose keys do not deviate", () => {
    const same = unitRows(tf.ones<tf.Rank.R2>([8, 4]));
    expect(contrastiveLoss(same, same, temperature).loss.arraySync()).toBeCloseTo(0.4 * Math.log(8), 5);
    expect(keyDeviation(same).arraySync()).toBeCloseTo(0, 5);
  });

  it("finds every key when queries equal distinct keys", () => {
    const keys = tf.eye(6);
    expect(contrastiveLoss(tf.mul(keys, 5), keys, temperature).accuracy.arraySync()).toBe(1);
  });
});

describe("keyMomentum", () => {
  it("runs from its start to 1 by cosine", () => {
    expect(keyMomentum(0.9, 0, 100)).toBeCloseTo(0.9, 12);
    expect(keyMomentum(0.9, 50, 100)).toBeCloseTo(0.95, 12);
    expect(keyMomentum(0.9, 100, 100)).toBe(1);
    expect(keyMomentum(0.99, 30, 300)).toBeCloseTo(1 - 0.5 * (1 + Math.cos(Math.PI / 10)) * 0.01, 12);
  });

  it("refuses a start or a step out of range", () => {
    expect(() => keyMomentum(1.2, 0, 10)).toThrow("key momentum starts at 1.2, not within [0, 1]");
    expect(() => keyMomentum(0.9, 11, 10)).toThrow("step 11 of 10");
  });
});
