// Loads TensorFlow in a worker thread, says so, and ends as it is told to.
import { parentPort } from "node:worker_threads";
import { devices, tf } from "../../src/index.ts";
import { longStep } from "./long-step.ts";

devices();
if (process.argv[2] === "used") tf.add(1, 2).dataSync();
parentPort?.once("message", (end) => {
  if (end === "by process.exit") process.exit();
  if (end === "stopped") void longStep();
  else parentPort?.close();
});
parentPort?.postMessage("loaded");
