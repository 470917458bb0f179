// Has to compile against the installed declarations.
import * as tf from "@tensorflow/tfjs-core";
import {
  type HostArray,
  type Jitted,
  jit,
  type Key,
  type Library,
  locateLibrary,
  random,
  State,
} from "tfjs-libtensorflow";

const step = jit(
  (state: { w: tf.Tensor2D }, batch: { x: tf.Tensor2D }, key: Key) => ({
    state: { w: tf.add(state.w, random.normal(key, [2, 2])) as tf.Tensor2D },
    metrics: { loss: tf.sum(tf.matMul(batch.x, state.w)) as tf.Scalar },
  }),
  { name: "step", compiler: "xla" },
);
export const typed: Jitted<{ w: tf.Tensor2D }, { x: tf.Tensor2D }, { loss: tf.Scalar }> = step;
export const library: Library = locateLibrary({ gpu: false });
export async function loss(x: HostArray): Promise<number> {
  await using state = State.of({ w: tf.zeros([2, 2]) as tf.Tensor2D });
  return (await step.run(state, { x }, random.key(1n))).loss;
}
// @ts-expect-error a compiler that does not exist
jit(() => ({ state: {}, metrics: {} }), { name: "step", compiler: "none" });
