import * as tf from "@tensorflow/tfjs-core";
import { TreeError } from "./errors.ts";
import { flatten, type MapLeaves, mapTree, type Tree } from "./tree.ts";

/** A tree whose leaves are tensors. */
export type TensorTree = Tree<tf.Tensor>;

/**
 * The function that gives, beside a loss (a float32 scalar) and whatever else it computes (`aux`), the gradient of the loss with
 * respect to each tensor of `params` (all float32), in the structure of `params`; zero where the loss does not depend on it.
 * Throws `TreeError` for a leaf that is not float32, and what tfjs throws for an operation without a gradient.
 */
export function valueAndGrad<P, A extends unknown[], X>(
  loss: (params: P, ...args: A) => { loss: tf.Scalar; aux: X },
): (params: P, ...args: A) => { loss: tf.Scalar; aux: X; grad: MapLeaves<P, tf.Tensor> } {
  return (params, ...args) => {
    const named = flatten(params as TensorTree);
    for (const [path, leaf] of named)
      if (leaf.dtype !== "float32")
        throw new TreeError(`no gradient for "${path}": it is ${leaf.dtype}, and only float32 has one`);
    let kept: tf.Tensor[] = [];
    let aux: X | undefined;
    const { value, grads } = engine().gradients(
      () => {
        const result = loss(params, ...args);
        aux = result.aux;
        kept = keepInner(result.aux);
        return result.loss;
      },
      named.map(([, leaf]) => leaf),
      undefined,
      true,
    );
    for (const tensor of kept) {
      tensor.kept = false;
      engine().track(tensor);
    }
    const byPath = new Map(named.map(([path, leaf], i) => [path, grads[i] ?? tf.zeros(leaf.shape)]));
    return {
      loss: value as tf.Scalar,
      aux: aux as X,
      grad: mapTree(params, (_, path) => byPath.get(path) as tf.Tensor),
    };
  };
}

interface Engine {
  gradients(
    f: () => tf.Tensor,
    xs: tf.Tensor[],
    dy: tf.Tensor | undefined,
    allowNoGradients: boolean,
  ): { value: tf.Tensor; grads: (tf.Tensor | null | undefined)[] };
  track<T extends tf.Tensor>(tensor: T): T;
  state: { activeScope: { track: tf.Tensor[] } };
}

function engine(): Engine {
  return tf.engine() as unknown as Engine;
}

/** Keeps those tensors of a tree that the forward scope would dispose of, and returns them. */
function keepInner(tree: unknown): tf.Tensor[] {
  if (tree === undefined) return [];
  const inner = new Set(engine().state.activeScope.track);
  const leaves = new Set(flatten(tree as Tree<unknown>).map(([, leaf]) => leaf));
  const kept = [...leaves].filter((leaf) => leaf instanceof tf.Tensor && inner.has(leaf) && !leaf.kept) as tf.Tensor[];
  for (const tensor of kept) tf.keep(tensor);
  return kept;
}
