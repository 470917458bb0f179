// Loads TensorFlow, computes, and leaves in the way that is named by its argument.
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { jit, random, rawOp, State, tf } from "../../src/index.ts";

const what = (isMainThread ? process.argv[2] : workerData) as string;
if (tf.add(1, 2).dataSync()[0] !== 3) throw new Error("wrong sum");

/** A step that takes a second or so. */
async function longStep(): Promise<unknown> {
  const state = State.of({ w: tf.ones([1500, 1500]) });
  const step = jit<{ w: tf.Tensor2D }, object, { sum: tf.Tensor }>(
    ({ w }) => {
      let y = w;
      for (let i = 0; i < 30; i++) y = tf.div(tf.matMul(y, w), 1500);
      return { state: { w }, metrics: { sum: tf.sum(y) } };
    },
    { name: "long", compiler: "graph" },
  );
  return await step.run(state as never, {}, random.key(0));
}

function worker(data: string): Promise<Worker> {
  const made = new Worker(new URL(import.meta.url), { workerData: data });
  return new Promise((resolve, reject) =>
    made
      .once("error", reject)
      .once("message", () => resolve(made))
      .once("exit", () => resolve(made)),
  );
}

const ended = (made: Worker) => new Promise((resolve) => made.once("exit", resolve));

switch (what) {
  case "sets an exit code":
    process.exitCode = 7;
    break;
  case "calls process.exit":
    process.exit(5);
    break;
  case "calls process.exit while a step runs":
    void longStep();
    setTimeout(() => process.exit(6), 300);
    break;
  case "throws":
    throw new Error("on purpose");
  case "rejects":
    await Promise.reject(new Error("on purpose"));
    break;
  case "throws in a step":
    await longStep();
    rawOp("MatMul", { T: { kind: "type", value: "float32" } }, [tf.zeros([2, 3]), tf.zeros([2, 3])]);
    break;
  case "catches an error of TensorFlow":
    try {
      rawOp("NoSuchOperation", {}, []);
    } catch {
      await longStep();
    }
    break;
  case "runs three workers":
    for (let i = 0; i < 3; i++) await ended(new Worker(new URL(import.meta.url), { workerData: "ends" }));
    break;
  case "terminates a worker that computes": {
    const made = await worker("computes");
    await made.terminate();
    break;
  }
  case "exits in a worker":
    await ended(new Worker(new URL(import.meta.url), { workerData: "calls process.exit" }));
    break;
  case "computes": {
    const { parentPort } = await import("node:worker_threads");
    parentPort?.postMessage("computing");
    await longStep();
    break;
  }
}
