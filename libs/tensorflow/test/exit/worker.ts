import { parentPort } from "node:worker_threads";
import { tf } from "../../src/index.ts";

const product = tf.matMul(tf.ones([100, 100]), tf.ones([100, 100]));
parentPort?.postMessage(product.dataSync()[0]);
parentPort?.once("message", () => parentPort?.close());
