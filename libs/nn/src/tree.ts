import { type Tree, tf } from "tfjs-libtensorflow";

/** One leaf of a tree of tensors and its dotted path, the name that it has in a checkpoint. */
export interface Named {
  readonly path: string;
  readonly tensor: tf.Tensor;
}

/** The tensors of a tree in the order of its keys. @throws TypeError for a leaf that is no tensor */
export function leaves(tree: Tree, path = ""): Named[] {
  if (tree instanceof tf.Tensor) return [{ path, tensor: tree }];
  if (tree === null || typeof tree !== "object") throw new TypeError(`${path || "the tree"} is no tensor`);
  return Object.entries(tree).flatMap(([name, child]) => leaves(child as Tree, path === "" ? name : `${path}.${name}`));
}

/** The tree `like` with its tensors replaced, in the order of `leaves`. */
export function withLeaves<T extends Tree>(like: T, tensors: readonly tf.Tensor[]): T {
  let next = 0;
  const build = (tree: Tree): Tree => {
    if (tree instanceof tf.Tensor) return tensors[next++] as tf.Tensor;
    if (Array.isArray(tree)) return tree.map(build);
    return Object.fromEntries(
      Object.entries(tree as { [name: string]: Tree }).map(([name, child]) => [name, build(child)]),
    );
  };
  return build(like) as T;
}
