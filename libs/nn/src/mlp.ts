import type { tf } from "tfjs-libtensorflow";
import { gelu } from "./gelu.ts";
import { type Linear, linear } from "./linear.ts";

/** The two layers of a transformer's MLP. */
export type Mlp = { readonly in: Linear; readonly out: Linear };

/** Linear, GELU, linear over the last dimension. */
export function mlp<T extends tf.Tensor>(parameters: Mlp, x: T): T {
  return linear(parameters.out, gelu(linear(parameters.in, x)));
}
