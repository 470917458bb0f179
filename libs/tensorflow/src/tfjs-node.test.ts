import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { afterAll, describe, expect, it } from "vitest";
import { node } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "tfjs-node-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A small classifier and pictures of which it can learn whether the left or the right half is brighter. */
function classifier() {
  const seeded = (seed: number) => ({ kernelInitializer: layers.initializers.glorotNormal({ seed }) });
  const model = layers.sequential({
    layers: [
      layers.layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1], ...seeded(1) }),
      layers.layers.batchNormalization(),
      layers.layers.maxPooling2d({ poolSize: 2 }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 2, activation: "softmax", ...seeded(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.02), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const noise = tf.randomNormal([64, 8, 8, 1], 0, 0.3, "float32", 1);
  const left = tf.cast(tf.lessEqual(tf.range(0, 8), 3), "float32");
  const labels = tf.tensor1d(
    Array.from({ length: 64 }, (_, i) => i % 2),
    "int32",
  );
  const side = tf.where(tf.cast(tf.reshape(labels, [64, 1, 1, 1]), "bool"), tf.reshape(left, [1, 1, 8, 1]), 0);
  return { model, x: tf.add(noise, side), y: tf.oneHot(labels, 2) };
}

describe("tfjs-layers", () => {
  it("trains by model.fit, evaluates, saves and loads", async () => {
    const { model, x, y } = classifier();
    const { history } = await model.fit(x, y, { epochs: 12, batchSize: 32, shuffle: false, verbose: 0 });
    const losses = history["loss"] as number[];
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    const [, accuracy] = model.evaluate(x, y) as tf.Scalar[];
    expect(accuracy?.dataSync()[0]).toBeGreaterThan(0.9);

    await model.save(`file://${folder}/model`);
    expect(readdirSync(join(folder, "model")).sort()).toEqual(["model.json", "weights.bin"]);
    const loaded = await layers.loadLayersModel(`file://${folder}/model/model.json`);
    const [before, after] = [model.predict(x) as tf.Tensor, loaded.predict(x) as tf.Tensor];
    expect(after.dataSync()).toEqual(before.dataSync());
  });

  it("frees what training made", async () => {
    const { model, x, y } = classifier();
    const train = () => model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0 });
    await train();
    const { numTensors } = tf.memory();
    await train();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe("node", () => {
  const picture = tf.tensor3d(
    Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 7) % 256),
    [16, 16, 3],
    "int32",
  );

  it("writes and reads PNG without loss", async () => {
    const png = await node.encodePng(picture);
    expect(Buffer.from(png.subarray(1, 4)).toString()).toBe("PNG");
    const decoded = node.decodeImage(png);
    expect(decoded.shape).toEqual([16, 16, 3]);
    expect(decoded.dtype).toBe("int32");
    expect(decoded.dataSync()).toEqual(picture.dataSync());
  });

  it("writes and reads JPEG", async () => {
    const grey = tf.fill([16, 16, 3], 100, "int32") as tf.Tensor3D;
    const decoded = node.decodeImage(await node.encodeJpeg(grey, "rgb", 95));
    expect(tf.max(tf.abs(tf.sub(decoded, 100))).dataSync()[0]).toBeLessThanOrEqual(1);
  });

  it("refuses what is no picture", () => {
    expect(() => node.decodeImage(new Uint8Array(100))).toThrow("Expected image");
  });
});
