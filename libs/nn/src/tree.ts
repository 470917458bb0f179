import { flatten, mapTree, type Tree, tf } from "tfjs-libtensorflow";

/** One leaf of a tree of tensors and its dotted path, the name that it has in a checkpoint. */
export interface Named {
  readonly path: string;
  readonly tensor: tf.Tensor;
}

/** The tensors of a tree sorted by path, whatever the order of its keys. @throws TypeError for a leaf that is no tensor */
export function leaves(tree: Tree): Named[] {
  return flatten(tree).map(([path, leaf]) => {
    if (!(leaf instanceof tf.Tensor)) throw new TypeError(`${path || "the tree"} is no tensor`);
    return { path, tensor: leaf };
  });
}

/** The tree `like` with its tensors replaced by those given in the order of `leaves`. */
export function withLeaves<T extends Tree>(like: T, tensors: readonly tf.Tensor[]): T {
  const byPath = new Map(leaves(like).map(({ path }, i) => [path, tensors[i] as tf.Tensor]));
  return mapTree(like, (_, path) => byPath.get(path) as tf.Tensor) as unknown as T;
}
