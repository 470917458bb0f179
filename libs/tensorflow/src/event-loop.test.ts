import { monitorEventLoopDelay } from "node:perf_hooks";
import { expect, it } from "vitest";
import { jit, random, State, tf } from "./index.ts";

it("stays free while a step runs, and is not asked for anything but the step's ends", async () => {
  const start = tf.ones([1000, 1000]);
  await using state = State.of({ w: start });
  start.dispose();
  const step = jit<{ w: tf.Tensor }, object, { sum: tf.Tensor }>(
    ({ w }) => {
      let y = w;
      for (let i = 0; i < 8; i++) y = tf.div(tf.matMul(y as tf.Tensor2D, w as tf.Tensor2D), 1000);
      return { state: { w: y }, metrics: { sum: tf.sum(y) } };
    },
    { name: "busy", compiler: "graph" },
  );
  await step.run(state, {}, random.key(0));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let turns = 0;
  const ticking = setInterval(() => turns++, 2);
  delay.enable();
  const began = performance.now();
  for (let i = 0; i < 10; i++) await step.run(state, {}, random.key(i));
  const ms = performance.now() - began;
  delay.disable();
  clearInterval(ticking);
  console.log(
    `10 steps of ${(ms / 10).toFixed(0)} ms: event loop delayed by ${(delay.percentile(99) / 1e6).toFixed(1)} ms at p99, ${turns} turns`,
  );
  // A step that held the loop would leave it one turn a step, and delays of a step's length.
  expect(turns).toBeGreaterThan(30);
  expect(delay.percentile(99) / 1e6).toBeLessThan(Math.max(25, ms / 20));
  expect(step.stats.outsideMs).toBeLessThan(0.05 * step.stats.insideMs);
});
