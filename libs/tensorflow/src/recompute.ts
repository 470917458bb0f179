import * as tf from "@tensorflow/tfjs-core";
import { engineParts } from "./tracing/marks.ts";
import { flatten, mapTree, type Tree } from "./tree.ts";

/**
 * `body(x, params)`, of which nothing but the inputs is kept for the gradient: what it made on the way is computed again when
 * the gradient comes (Chen et al. 2016). Costs one more run of `body`. All leaves are float32; `body` must be a pure function,
 * and what it draws must follow from a key.
 *
 * The second run is tied to the gradient that arrived: neither TensorFlow's rewrites nor XLA can merge it with the first one
 * or start it early, either of which would keep what is to be freed. Small parameters are tied as well, and in the first run
 * to `x`, since what follows from them alone (attention's bias from a table) may be large.
 */
export function recomputed<X extends tf.Tensor, P>(body: (x: X, params: P) => X, x: X, params: P): X {
  const named = flatten(params as Tree<tf.Tensor>);
  const treeOf = (tensors: readonly tf.Tensor[]) => {
    const byPath = new Map(named.map(([path], i) => [path, tensors[i] as tf.Tensor]));
    return mapTree<unknown, tf.Tensor>(params, (_, path) => byPath.get(path) as tf.Tensor) as P;
  };
  const operation = tf.customGrad((...args) => {
    const [input, ...leaves] = args.slice(0, named.length + 1) as [X, ...tf.Tensor[]];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    save([input, ...leaves]);
    return {
      value: body(input, treeOf(leaves.map((leaf) => tied(leaf, input)))),
      gradFunc: (dy, saved) => {
        const [first, ...rest] = saved as [X, ...tf.Tensor[]];
        const inputs = [after(dy, first), ...rest.map((leaf) => tied(leaf, dy))];
        return gradients(([again, ...others]) => body(again as X, treeOf(others)), inputs, dy);
      },
    };
  });
  return operation(x, ...named.map(([, leaf]) => leaf)) as X;
}

const smallValues = 1 << 16;

/** A small parameter by an operation that needs `x`, a large one as it is. */
function tied(parameter: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return parameter.size <= smallValues ? after(x, parameter) : parameter;
}

/** `x`, by an operation that needs `dy`: plus the smaller one of 0 and a size, which is 0, as no compiler knows. */
function after<T extends tf.Tensor>(dy: tf.Tensor, x: T): T {
  const element = tf.slice(tf.reshape(dy, [-1]), [0], [1]);
  return tf.add(x, tf.reshape(tf.minimum(tf.abs(element), 0), []));
}

/** Gradients of `body` at its inputs; zero where it does not depend on one. */
function gradients(body: (inputs: readonly tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const engine = tf.engine() as unknown as Engine;
  const { state } = engineParts();
  // A tape that ends takes away whatever tape there is, and this one runs inside the backward pass of another.
  const outer = state.activeTape;
  try {
    const { grads } = engine.gradients(() => body(inputs), inputs, dy, true);
    return inputs.map((input, i) => grads[i] ?? tf.zerosLike(input));
  } finally {
    state.activeTape = outer;
  }
}

interface Engine {
  gradients(
    f: () => tf.Tensor,
    xs: tf.Tensor[],
    dy: tf.Tensor,
    allowNoGradients: boolean,
  ): { grads: (tf.Tensor | null | undefined)[] };
}
