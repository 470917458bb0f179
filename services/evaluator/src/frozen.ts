import { State, tf } from "tfjs-libtensorflow";

/** A copy of weights (tensors or host arrays) as a state, for steps that give it back as it is. */
export function frozen<S extends object>(weights: S): State<S> {
  return State.of<object>(weights) as unknown as State<S>;
}

/** Frees the tensors of a tree. */
export function free(weights: object): void {
  tf.dispose(weights as tf.TensorContainer);
}
