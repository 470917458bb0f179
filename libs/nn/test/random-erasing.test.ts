import { jit, random, State, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { erase, eraseWith, normalisePictures } from "../src/index.ts";
import { expectEqual, readFixture, relativeDistance } from "./fixture.ts";

const fixture = readFixture("random-erasing");
const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const key = random.key(4n);

describe("random erasing", () => {
  it("agrees with timm's, once normalised, on given boxes and noise", () => {
    const pictures = fixture("pictures") as tf.Tensor4D;
    const boxes = fixture("boxes") as tf.Tensor2D;
    const erased = eraseWith(fixture("noise") as tf.Tensor4D, pictures, boxes, normalisation);
    expectEqual(normalisePictures(erased, normalisation), fixture("normalised"), "normalised");
  });

  it("leaves what is outside, and makes noise of deviation 1 of what is inside", () => {
    const pictures = tf.fill([64, 40, 30, 3], 200) as tf.Tensor4D;
    const boxes = tf.tile(tf.tensor2d([[4, 2, 20, 25]], [1, 4], "int32"), [64, 1]) as tf.Tensor2D;
    const erased = normalisePictures(erase(key, pictures, boxes, normalisation), normalisation);
    const before = normalisePictures(pictures, normalisation);
    const inside = tf.slice(erased, [0, 4, 2, 0], [64, 20, 25, 3]);
    const { mean, variance } = tf.moments(inside);
    const count = 64 * 20 * 25 * 3;
    expect(Math.abs(mean.dataSync()[0] as number)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs((variance.dataSync()[0] as number) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    const unchanged = tf.sum(tf.cast(tf.equal(erased, before), "int32")).dataSync()[0] as number;
    expect(unchanged).toBeGreaterThanOrEqual(64 * (40 * 30 - 20 * 25) * 3);
    expect(unchanged).toBeLessThan(64 * (40 * 30 - 20 * 25) * 3 + 20);
  });

  it("does not depend on how a batch is divided", () => {
    const pictures = tf.tile(fixture("pictures"), [2, 1, 1, 1]) as tf.Tensor4D;
    const boxes = tf.tile(fixture("boxes"), [2, 1]) as tf.Tensor2D;
    const whole = erase(key, pictures, boxes, normalisation);
    const places = tf.tensor1d([1, 9, 11], "int32");
    const part = erase(key, tf.gather(pictures, places), tf.gather(boxes, places), normalisation, { of: 12, places });
    expect(part.dataSync()).toEqual(tf.gather(whole, places).dataSync());
  });

  it("does not depend on it where a picture's numbers are no multiple of four, either", () => {
    const pictures = tf.fill([12, 7, 5, 3], 90) as tf.Tensor4D;
    const boxes = tf.tile(fixture("boxes"), [2, 1]) as tf.Tensor2D;
    const whole = erase(key, pictures, boxes, normalisation);
    const places = tf.tensor1d([1, 9, 10], "int32");
    const part = erase(key, tf.gather(pictures, places), tf.gather(boxes, places), normalisation, { of: 12, places });
    expect(new Set(part.dataSync()).size).toBeGreaterThan(40);
    expect(relativeDistance(part.dataSync(), tf.gather(whole, places).dataSync())).toBeLessThan(1e-6);
  });

  it.each(["graph", "xla"] as const)(
    "is the same in a program compiled by %s, and keeps no tensors",
    async (compiler) => {
      const pictures = { dtype: "uint8" as const, shape: [6, 12, 10, 3], data: new Uint8Array(6 * 360).fill(90) };
      const boxes = fixture("boxes") as tf.Tensor2D;
      const hostBoxes = { dtype: "int32" as const, shape: [6, 4], data: boxes.dataSync() as Int32Array<ArrayBuffer> };
      const step = jit(
        (state: { x: tf.Scalar }, batch: { pictures: tf.Tensor4D; boxes: tf.Tensor2D }, k: random.Key) => ({
          state,
          metrics: { erased: erase(k, batch.pictures, batch.boxes, normalisation) },
        }),
        { name: "erase", compiler },
      );
      await using state = State.of({ x: 0 });
      const { erased } = await step.run(state, { pictures, boxes: hostBoxes }, key);
      const { numTensors } = tf.memory();
      await step.run(state, { pictures, boxes: hostBoxes }, key);
      expect(tf.memory().numTensors).toBe(numTensors);
      const eager = erase(random.root(key), tf.fill([6, 12, 10, 3], 90) as tf.Tensor4D, boxes, normalisation);
      expect(relativeDistance(erased.data, eager.dataSync())).toBeLessThan(1e-5);
      step.dispose();
    },
  );
});
