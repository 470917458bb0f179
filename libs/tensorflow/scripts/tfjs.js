// Stands in for the package `@tensorflow/tfjs` in the bundle: tfjs-core with its gradients and chained operations
// registered, without the WebGL and CPU backends, the converter and the rest.
export * from "@tensorflow/tfjs-core";

import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";
