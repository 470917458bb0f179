// Ends in the way that argv[2] names, with TensorFlow loaded and, if argv[3] says so, used before.
import { Worker } from "node:worker_threads";
import { devices, rawOp, tf } from "../../src/index.ts";
import { longStep } from "./long-step.ts";

const [, , way = "", used] = process.argv;

/** Runs a worker thread that loads the library, and then tells it how to end, or stops it. */
async function worker(end: "by itself" | "by process.exit" | "stopped"): Promise<void> {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), { argv: [used] });
  await new Promise((resolve, reject) => thread.on("message", resolve).on("error", reject));
  const ended = new Promise((resolve) => thread.on("exit", resolve));
  thread.postMessage(end);
  if (end === "stopped") await thread.terminate();
  await ended;
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
  "by an error of TensorFlow": () => rawOp("NoSuchOperation", {}, []),
  "by a rejection that nobody handles": () => void Promise.reject(new Error("meant")),
  "after a compiled step": longStep,
  "while a compiled step runs": () => {
    void longStep();
    setTimeout(() => process.exit(4), 100);
  },
  async "after three worker threads"() {
    for (let i = 0; i < 3; i++) await worker("by itself");
  },
  "after a worker thread that called process.exit": () => worker("by process.exit"),
  "after a worker thread that was stopped while it computed": () => worker("stopped"),
};

if (devices()[0]?.type !== "CPU") throw new Error("there is no CPU");
if (used === "used" && tf.add(1, 2).dataSync()[0] !== 3) throw new Error("the sum is wrong");
await ways[way]?.();
