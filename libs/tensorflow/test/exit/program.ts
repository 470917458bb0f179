// Ends in the way that argv[2] names, with TensorFlow loaded and its threads started.
import { Worker } from "node:worker_threads";
import { jit, random, State, tf } from "../../src/index.ts";

const product = tf.matMul(tf.ones([300, 300]), tf.ones([300, 300]));
if (product.dataSync()[0] !== 300) throw new Error("the product is wrong");
const step = jit((s: { w: tf.Tensor }) => ({ state: { w: tf.add(s.w, 1) }, metrics: {} }), {
  name: "s",
  compiler: "graph",
});
const state = State.of({ w: tf.zeros([3]) });
await step.run(state, {}, random.key(1n));

const ways: Record<string, () => unknown> = {
  "by itself": () => {},
  "with an exit code that was set": () => {
    process.exitCode = 5;
  },
  "by process.exit(3)": () => process.exit(3),
  "by an error": () => {
    throw new Error("meant");
  },
  "by a rejection that nobody handles": () => void Promise.reject(new Error("meant")),
  "while a step runs": () => void step.run(state, {}, random.key(2n)).then(() => process.exit(4)),
  async "after three worker threads, one after the other"() {
    for (let i = 0; i < 3; i++) await worker();
  },
  async "with a worker thread that is stopped"() {
    await worker(true);
  },
};

/** Runs a worker thread that loads the library and computes. */
async function worker(stop = false): Promise<void> {
  const thread = new Worker(new URL("./worker.ts", import.meta.url));
  await new Promise((resolve, reject) => thread.on("message", resolve).on("error", reject));
  if (stop) await thread.terminate();
  else {
    thread.postMessage("end");
    await new Promise((resolve) => thread.on("exit", resolve));
  }
}

await ways[process.argv[2] ?? ""]?.();
