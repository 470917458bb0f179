// What a stranger's program does with the installed package: trains with tfjs-layers, then with a compiled step.
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { autocast, jit, random, State, tensorflowVersion, valueAndGrad } from "tfjs-libtensorflow";
import { locateLibrary } from "tfjs-libtensorflow/library";

assert.equal(locateLibrary({ gpu: false }).version, "2.21.0");
assert.equal(tf.getBackend(), "tensorflow");
assert.match(tensorflowVersion(), /^2\.\d+/);

assert.deepEqual([...tf.tensor1d([1, 2]).add(1).dataSync()], [2, 3]);

// y = x W, learned from 256 examples.
const x = tf.randomNormal([256, 8], 0, 1, "float32", 1);
const y = tf.matMul(x, tf.randomNormal([8, 3], 0, 1, "float32", 2));

const model = layers.sequential({
  layers: [
    layers.layers.dense({ units: 32, activation: "relu", inputShape: [8] }),
    layers.layers.dropout({ rate: 0.01 }),
    layers.layers.dense({ units: 3 }),
  ],
});
model.compile({ optimizer: "adam", loss: "meanSquaredError", metrics: ["mse"] });
const { history } = await model.fit(x, y, { epochs: 30, batchSize: 32, validationSplit: 0.25, verbose: 0 });
const [first, last] = [history.loss[0], history.loss.at(-1)];
assert.ok(last < first / 3, `the loss went from ${first} to ${last}`);
assert.deepEqual(model.predict(x).shape, [256, 3]);

const grad = valueAndGrad((params, batch) => {
  const predicted = autocast("bfloat16", () => tf.matMul(batch.x, params.w));
  return { loss: tf.losses.meanSquaredError(batch.y, predicted), aux: null };
});
for (const compiler of ["graph", "xla"]) {
  const step = jit(
    (state, batch, key) => {
      const noise = tf.mul(random.normal(key, [8, 3]), 1e-3);
      const { loss, grad: g } = grad({ w: tf.add(state.w, noise) }, batch);
      return { state: { w: tf.sub(state.w, tf.mul(g.w, batch.lr)) }, metrics: { loss } };
    },
    { name: "step", compiler },
  );
  await using state = State.of({ w: tf.zeros([8, 3]) });
  const losses = [];
  for (let i = 0; i < 60; i++) losses.push((await step.run(state, { x, y, lr: 0.3 }, random.key(1n))).loss);
  assert.ok(losses.at(-1) < losses[0] / 20, `${compiler}: the loss went from ${losses[0]} to ${losses.at(-1)}`);
  assert.equal(step.stats.traces, 1);
}
console.log("trained");
