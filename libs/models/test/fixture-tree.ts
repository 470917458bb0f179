import { mapTree, type tf } from "tfjs-libtensorflow";

/** A fixture's tensors in the structure of a fresh network, whose paths are their names behind `prefix`. */
export function fixtureTree<T>(reference: (name: string) => tf.Tensor, like: T, prefix = ""): T {
  return mapTree(like, (_, path) => reference(`${prefix}${path}`)) as unknown as T;
}
