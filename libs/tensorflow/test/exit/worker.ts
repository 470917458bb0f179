// Loads TensorFlow in a worker thread, says so, and ends when it is told to.
import { parentPort } from "node:worker_threads";
import { devices, tf } from "../../src/index.ts";

devices();
if (process.argv[2] === "used") tf.matMul(tf.ones([100, 100]), tf.ones([100, 100])).dataSync();
parentPort?.postMessage("loaded");
parentPort?.once("message", () => parentPort?.close());
