import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { accuracy, crossEntropy, meanSquaredError, softCrossEntropy } from "../src/index.ts";
import { expectEqual, readFixture } from "./fixture.ts";

const fixture = readFixture("losses");
const labels = fixture("labels") as tf.Tensor1D;
const targets = fixture("targets") as tf.Tensor2D;

describe("losses", () => {
  const cases: [string, (logits: tf.Tensor2D) => tf.Tensor][] = [
    ["crossEntropy", (logits) => crossEntropy(logits, labels)],
    ["smoothed", (logits) => crossEntropy(logits, labels, 0.1)],
    ["soft", (logits) => softCrossEntropy(logits, targets)],
  ];
  for (const [name, loss] of cases) {
    it(`${name} agrees with PyTorch, forward and gradient`, () => {
      const logits = fixture("logits") as tf.Tensor2D;
      expectEqual(loss(logits), fixture(name), name);
      const weights = fixture("weights");
      const gradient = tf.grad((x: tf.Tensor) => tf.sum(tf.mul(loss(x as tf.Tensor2D), weights)))(logits);
      expectEqual(gradient, fixture(`${name}.gradient`), `${name}.gradient`);
    });
  }

  it("the mean squared error agrees with PyTorch, forward and gradient", () => {
    const a = tf.slice(fixture("logits"), [1, 0]);
    const b = tf.slice(targets, [1, 0]) as tf.Tensor;
    expectEqual(meanSquaredError(a, b), fixture("squared"), "squared");
    const [da, db] = tf.grads(meanSquaredError)([a, b]) as [tf.Tensor, tf.Tensor];
    expectEqual(da, fixture("squared.a.gradient"), "a");
    expectEqual(db, fixture("squared.b.gradient"), "b");
  });

  it("accuracy counts rows whose largest logit is the label's", () => {
    const logits = tf.tensor2d([
      [0, 1],
      [2, 1],
      [3, 4],
      [0, -1],
    ]);
    expect(accuracy(logits, tf.tensor1d([1, 1, 1, 0], "int32")).dataSync()[0]).toBe(0.75);
  });
});
