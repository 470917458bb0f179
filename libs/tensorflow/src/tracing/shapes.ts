import type * as tf from "@tensorflow/tfjs-core";
import type { DType } from "../dtype.ts";
import { api } from "../ffi/api.ts";
import type { Step } from "../jit.ts";
import type { Program, Value } from "../program/program.ts";
import type { Key } from "../random/key.ts";
import { flatten, type MapLeaves, mapTree, type Tree } from "../tree.ts";
import { LeafSpec, type TracedStep, trace } from "./trace.ts";

/** A tree with dtype and shape in place of each tensor. */
export type Shapes<T> = MapLeaves<T, Value>;

/**
 * Dtype and shape of every tensor that `make` gives. It is traced, so that nothing is computed and no memory taken: a state may be asked
 * about that is larger than the machine. Throws `TracingError` as a compiled step would.
 */
export function shapesOf<T>(make: (key: Key) => T): Shapes<T> {
  let found: unknown;
  const { captured } = trace(
    "shapes",
    (_state, _batch, key) => {
      const made = make(key);
      found = mapTree(made, (leaf) => new LeafSpec(valueFor(leaf as tf.Tensor | number)));
      return { state: {}, metrics: { leaves: flatten(made as Tree).length } };
    },
    {},
    {},
  );
  free(captured);
  return found as Shapes<T>;
}

/** The program of a step for a state and a batch of which only the shapes are known (`shapesOf`). Throws `TracingError`, `TreeError`. */
export function programOf<S, B, M>(
  name: string,
  step: Step<S, B, M>,
  state: Shapes<S>,
  batch: Shapes<B> | Tree<Value>,
): Program {
  const specs = (tree: unknown) => mapTree(tree, (leaf) => new LeafSpec(leaf as Value));
  const { program, captured } = trace(name, step as unknown as TracedStep, specs(state), specs(batch));
  free(captured);
  return program;
}

/** A leaf of a batch that is only described; a uint8 appears to a step as float32. */
export function leafShape(dtype: DType, ...shape: number[]): Value {
  return new LeafSpec({ dtype, shape });
}

function valueFor(leaf: tf.Tensor | number): Value {
  if (typeof leaf === "number") return { dtype: "float32", shape: [] };
  return { dtype: leaf.dtype as DType, shape: leaf.shape };
}

/** Nothing will be run, so what was captured is not needed. */
function free(captured: readonly bigint[]): void {
  for (const handle of captured) api().TFE_DeleteTensorHandle(handle);
}
