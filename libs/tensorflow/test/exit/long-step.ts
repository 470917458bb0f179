import { jit, random, State, tf } from "../../src/index.ts";

/** Runs a compiled step that takes some tenths of a second, off the main thread. */
export async function longStep(): Promise<unknown> {
  const state = State.of({ w: tf.ones([1000, 1000]) });
  const step = jit(
    ({ w }: { w: tf.Tensor }) => {
      let y = w;
      for (let i = 0; i < 20; i++) y = tf.div(tf.matMul(y, w), 1000);
      return { state: { w }, metrics: { sum: tf.sum(y) } };
    },
    { name: "long", compiler: "graph" },
  );
  return await step.run(state, {}, random.key(0));
}
