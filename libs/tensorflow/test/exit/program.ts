// Ends in the way that argv[2] names, with TensorFlow loaded and, if argv[3] says so, used before.
import { Worker } from "node:worker_threads";
import { devices, jit, random, State, tf } from "../../src/index.ts";

const [, , way = "", used] = process.argv;

/** Runs a compiled step, off the main thread. */
async function step(): Promise<void> {
  const add = jit((s: { w: tf.Tensor }) => ({ state: { w: tf.add(s.w, 1) }, metrics: {} }), {
    name: "add",
    compiler: "graph",
  });
  await add.run(State.of({ w: tf.zeros([3]) }), {}, random.key(1n));
}

/** Runs a worker thread that loads the library, and ends or stops it. */
async function worker(stop = false): Promise<void> {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), { argv: [used] });
  await new Promise((resolve, reject) => thread.on("message", resolve).on("error", reject));
  if (stop) await thread.terminate();
  else {
    thread.postMessage("end");
    await new Promise((resolve) => thread.on("exit", resolve));
  }
}

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
  "after a compiled step": step,
  "while a compiled step runs": () => {
    void step();
    process.exit(4);
  },
  async "after three worker threads"() {
    for (let i = 0; i < 3; i++) await worker();
  },
  "after a worker thread that was stopped": () => worker(true),
};

if (devices()[0]?.type !== "CPU") throw new Error("there is no CPU");
if (used === "used" && tf.matMul(tf.ones([300, 300]), tf.ones([300, 300])).dataSync()[0] !== 300)
  throw new Error("the product is wrong");
await ways[way]?.();
