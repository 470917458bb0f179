// Runs steps on a state of 400 MB and prints, in MB, the state and how much more the process held at its peak during the steps.
import { readFileSync, writeFileSync } from "node:fs";
import { jit, random, State, type Step, tf, valueAndGrad, zipTrees } from "../../src/index.ts";

const [compiler, leaves] = [process.argv[2] as "graph" | "xla", Number(process.argv[3])];
const SIDE = 1000;
const MB = 1e6;

/** Bytes of a line of /proc/self/status: resident now (VmRSS) or at the peak (VmHWM). */
function memory(line: "VmRSS" | "VmHWM"): number {
  return Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

type Weights = Record<string, tf.Tensor2D>;
interface Slots {
  params: Weights;
  first: Weights;
}

/** Momentum on a chain of products: parameters and slots change in every step. */
const step: Step<Slots, { x: tf.Tensor2D }, { loss: tf.Scalar }> = ({ params, first }, { x }) => {
  const { loss, grad } = valueAndGrad((p: Weights) => {
    let y = x;
    for (const w of Object.values(p)) y = tf.tanh(tf.matMul(y, w));
    return { loss: tf.mean(y) as tf.Scalar, aux: {} };
  })(params);
  const next = zipTrees((m: tf.Tensor, g: tf.Tensor) => tf.add(tf.mul(m, 0.9), g), first, grad);
  const moved = zipTrees((p: tf.Tensor, m: tf.Tensor) => tf.sub(p, tf.mul(m, 0.01)), params, next);
  return { state: { params: moved as Weights, first: next as Weights }, metrics: { loss } };
};

const perTree = 50e6;
const rows = perTree / leaves / SIDE;
const names = Array.from({ length: leaves }, (_, i) => `w${i}`);
const host = () =>
  Object.fromEntries(
    names.map((name) => [
      name,
      { dtype: "float32", shape: [rows, SIDE], data: new Float32Array(rows * SIDE).fill(0.001) } as const,
    ]),
  );
const chain = rows === SIDE;
if (!chain) throw new Error(`${leaves} leaves do not chain`);
const state = State.of({ params: host(), first: host() }) as unknown as State<Slots>;
const jitted = jit(step, { name: "memory", compiler });
const batch = { x: { dtype: "float32", shape: [4, SIDE], data: new Float32Array(4 * SIDE) } as const };
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 100));
const before = memory("VmRSS");
writeFileSync("/proc/self/clear_refs", "5"); // the peak starts again from here
for (let i = 0; i < 4; i++) await jitted.run(state, batch, random.key(i));
console.log(
  JSON.stringify({ state: (2 * perTree * 4) / MB, before: before / MB, more: (memory("VmHWM") - before) / MB }),
);
await state.dispose();
await new Promise((resolve) => setTimeout(resolve, 100));
