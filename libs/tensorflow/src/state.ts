import * as tf from "@tensorflow/tfjs-core";
import { binding, idsOf, tensorFrom } from "./core/backend.ts";
import { execute } from "./core/execute.ts";
import { newHandle, readHandleAsync } from "./core/tensor-memory.ts";
import type { DType } from "./dtype.ts";
import { TensorFlowError, TreeError } from "./errors.ts";
import { api } from "./ffi/api.ts";
import { checkHostArray, type HostArray, isHostArray } from "./host-array.ts";
import type { Attributes } from "./program/attribute.ts";
import { type Value, valueText } from "./program/program.ts";
import { flatten, type Leaf, mapTree, type Tensors, type Tree, toRecord } from "./tree.ts";

/** Marks a variable that only its handle owns (`ResourceHandle::ANONYMOUS_NAME`): it is freed with the last handle. */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/** One leaf of a state: a variable of TensorFlow. */
export interface Variable extends Value {
  readonly path: string;
  readonly resource: bigint;
}

/**
 * What a compiled step keeps from call to call: a tree whose leaves live in TensorFlow's resource variables and are updated in place.
 * Freed by `dispose`, or at the end of a block by `await using`.
 */
export class State<T = unknown> implements AsyncDisposable {
  /** The leaves, sorted by path. */
  readonly variables: readonly Variable[];
  /** Paths, dtypes and shapes as text: states with the same one can be run by the same compiled step. */
  readonly signature: string;
  readonly #like: T;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #disposed = false;

  private constructor(like: T, variables: Variable[]) {
    this.#like = like;
    this.variables = variables;
    this.signature = variables.map((variable) => `${variable.path}:${valueText(variable)}`).join();
  }

  /** A state with a copy of `tree`: tensors (which stay the caller's), host arrays, and numbers as float32 scalars. */
  static of<T>(tree: T): State<Tensors<T>> {
    const variables: Variable[] = [];
    try {
      for (const [path, leaf] of flatten(tree as Tree<Leaf>)) variables.push(newVariable(path, leaf));
    } catch (error) {
      for (const { resource } of variables) api().TFE_DeleteTensorHandle(resource);
      throw error;
    }
    return new State(mapTree(tree, () => 0) as unknown as Tensors<T>, variables);
  }

  /** The tree's structure with, for each leaf, what `make` gives for its variable. */
  map<R>(make: (variable: Variable) => R): unknown {
    const byPath = new Map(this.variables.map((variable) => [variable.path, variable]));
    return mapTree(this.#like, (_, path) => make(byPath.get(path) as Variable));
  }

  /**
   * The present values as tensors, which the caller disposes (or a `tidy` around). Throws `TensorFlowError` after `dispose` and while a
   * step runs on this state.
   */
  tensors(): T {
    this.#checkAlive();
    if (this.#waiting > 0)
      throw new TensorFlowError(
        "FAILED_PRECONDITION",
        "the state is being changed by a step; await it before reading the state",
      );
    return this.map((variable) => tensorFrom(binding.adopt(read(variable)))) as T;
  }

  /** Copies all leaves to the host, by path, after the steps that were started before. The copies are made on another thread. */
  async snapshot(): Promise<Record<string, HostArray>> {
    return await this.enqueue(async () => {
      // The handles share memory with the variables; a step that comes later writes elsewhere as long as they live.
      const handles = this.variables.map(read);
      try {
        const arrays: Record<string, HostArray> = {};
        for (const [i, { path, dtype, shape }] of this.variables.entries())
          arrays[path] = { dtype, shape, data: await readHandleAsync(handles[i] as bigint) } as HostArray;
        return arrays;
      } finally {
        for (const handle of handles) api().TFE_DeleteTensorHandle(handle);
      }
    });
  }

  /** Replaces all leaves by those of a tree of the same structure, shapes and dtypes, after the steps that were started before. */
  async assign(tree: Tree<Leaf>): Promise<void> {
    const leaves = toRecord(tree);
    await this.enqueue(() => {
      for (const variable of this.variables) {
        const leaf = leaves[variable.path];
        if (leaf === undefined)
          throw new TreeError(`"${variable.path}" is missing in the tree that is assigned to the state`);
        assign(variable, leaf);
      }
    });
  }

  /** Runs `work` when all earlier work on this state has ended. Rejects after `dispose`. */
  async enqueue<R>(work: () => R | Promise<R>): Promise<R> {
    this.#checkAlive();
    this.#waiting++;
    const result = this.#queue.then(work).finally(() => {
      this.#waiting--;
    });
    this.#queue = result.catch(() => undefined);
    return await result;
  }

  /** Frees the variables after the steps that were started before. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    const end = this.enqueue(() => {
      for (const { resource } of this.variables) api().TFE_DeleteTensorHandle(resource);
    });
    this.#disposed = true;
    await end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #checkAlive(): void {
    if (this.#disposed) throw new TensorFlowError("FAILED_PRECONDITION", "the state was disposed");
  }
}

function newVariable(path: string, leaf: Leaf): Variable {
  const { dtype, shape } = describeVariable(path, leaf);
  const attributes: Attributes = {
    dtype: { kind: "type", value: dtype },
    shape: { kind: "shape", value: shape },
    shared_name: { kind: "string", value: ANONYMOUS },
    container: { kind: "string", value: "" },
  };
  const [resource] = execute("VarHandleOp", attributes, [], 1);
  const variable = { path, dtype, shape: [...shape], resource: resource as bigint };
  assign(variable, leaf);
  return variable;
}

/** Dtype and shape of a leaf. */
export function describeLeaf(path: string, leaf: Leaf): Value {
  if (typeof leaf === "number") return { dtype: "float32", shape: [] };
  if (!(leaf instanceof tf.Tensor) && !isHostArray(leaf))
    throw new TreeError(`"${path}" is neither a tensor nor a host array nor a number`);
  return { dtype: leaf.dtype as DType, shape: leaf.shape };
}

function describeVariable(path: string, leaf: Leaf): Value {
  const value = describeLeaf(path, leaf);
  if (value.dtype !== "float32" && value.dtype !== "int32" && value.dtype !== "bool")
    throw new TreeError(`state leaf "${path}" is ${value.dtype}; a state holds float32, int32 and bool`);
  return value;
}

function assign(variable: Variable, leaf: Leaf): void {
  const { path, dtype, shape } = variable;
  const given = describeVariable(path, leaf);
  if (given.dtype !== dtype || String(given.shape) !== String(shape))
    throw new TreeError(`state leaf "${path}" is ${dtype}[${shape}], and ${given.dtype}[${given.shape}] was given`);
  const { handle, own } = toHandle(path, leaf);
  try {
    execute("AssignVariableOp", { dtype: { kind: "type", value: dtype } }, [variable.resource, handle], 0);
  } finally {
    if (own) api().TFE_DeleteTensorHandle(handle);
  }
}

/** An eager handle for a leaf; `own` says that the caller deletes it. */
export function toHandle(path: string, leaf: Leaf): { handle: bigint; own: boolean } {
  describeLeaf(path, leaf);
  if (typeof leaf === "number") return { handle: newHandle("float32", [], Float32Array.of(leaf)), own: true };
  if (leaf instanceof tf.Tensor) {
    const [id] = idsOf([leaf]);
    return { handle: binding.eagerHandle(id as number, path), own: false };
  }
  checkHostArray(leaf, `"${path}"`);
  return { handle: newHandle(leaf.dtype as DType, leaf.shape, leaf.data), own: true };
}

function read({ dtype, resource }: Variable): bigint {
  const [handle] = execute("ReadVariableOp", { dtype: { kind: "type", value: dtype } }, [resource], 1);
  return handle as bigint;
}
