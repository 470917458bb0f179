import * as tf from "@tensorflow/tfjs-core";
import { TreeError } from "./errors.ts";
import { type HostArray, isHostArray } from "./host-array.ts";

/** What a tree holds at its ends; a number is a float32 scalar. */
export type Leaf = tf.Tensor | HostArray | number;

/** Nested plain objects and arrays of leaves. `null` stands for a part that is absent. */
export type Tree<L = Leaf> = L | null | readonly Tree<L>[] | { readonly [name: string]: Tree<L> };

/** The type of a tree whose leaves became `R`. */
export type MapLeaves<T, R> = T extends Leaf ? R : T extends null ? null : { [K in keyof T]: MapLeaves<T[K], R> };

/** The type of a tree whose leaves became tensors; leaves that are tensors already keep their type. */
export type Tensors<T> = T extends tf.Tensor
  ? T
  : T extends HostArray
    ? tf.Tensor
    : T extends number
      ? tf.Scalar
      : T extends null
        ? null
        : { [K in keyof T]: Tensors<T[K]> };

/** Whether a node of a tree is a leaf: a tensor, a host array, a number, or an object of a class. */
export function isLeaf(node: unknown): boolean {
  if (node === null || Array.isArray(node)) return false;
  if (typeof node !== "object" || node instanceof tf.Tensor || isHostArray(node)) return true;
  const prototype = Object.getPrototypeOf(node);
  return prototype !== Object.prototype && prototype !== null;
}

/** The leaves of a tree by their paths, sorted by path. Paths are names and indices joined by dots. Throws `TreeError` for undefined. */
export function flatten<L>(tree: Tree<L>): [path: string, leaf: L][] {
  const found: [string, L][] = [];
  walk(tree, "", (path, leaf) => found.push([path, leaf as L]));
  return found.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The paths of a tree's leaves, sorted: the names of its tensors in a checkpoint. */
export function paths(tree: Tree<unknown>): string[] {
  return flatten(tree).map(([path]) => path);
}

/** The leaves of a tree as a record, in the order of their paths. */
export function toRecord<L>(tree: Tree<L>): Record<string, L> {
  return Object.fromEntries(flatten(tree));
}

/** Puts leaves into the structure of `like`. Throws `TreeError` that names the paths which are missing or too many. */
export function unflatten<T, R>(like: T, leaves: Readonly<Record<string, R>>): MapLeaves<T, R> {
  const wanted = new Set(paths(like as Tree<unknown>));
  const missing = [...wanted].filter((path) => !Object.hasOwn(leaves, path));
  const extra = Object.keys(leaves).filter((path) => !wanted.has(path));
  if (missing.length + extra.length > 0)
    throw new TreeError(
      `the leaves do not fit the tree: ${describePaths("missing", missing)}${describePaths("too many", extra)}`,
    );
  return mapTree(like, (_, path) => leaves[path] as R);
}

function describePaths(what: string, names: string[]): string {
  if (names.length === 0) return "";
  return `${what} ${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}; `;
}

/** A tree of the same structure with each leaf replaced by `change(leaf, path)`, called in the tree's own order. */
export function mapTree<T, R>(tree: T, change: (leaf: LeafOf<T>, path: string) => R): MapLeaves<T, R> {
  return mapNode(tree, change as (leaf: unknown, path: string) => unknown) as MapLeaves<T, R>;
}

/** `mapTree` where the type of the tree is not known. */
export function mapNode(tree: unknown, change: (leaf: unknown, path: string) => unknown): unknown {
  return rebuild(tree, "", change);
}

/** The type of a tree's leaves. */
export type LeafOf<T> = T extends Leaf ? T : T extends null ? never : T extends object ? LeafOf<T[keyof T]> : never;

/**
 * Combines trees of equal structure: each leaf becomes `combine(leaf, ...others)` with the leaves at the same path.
 * Throws `TreeError` when the structures differ.
 */
export function zipTrees<T, R>(
  // biome-ignore lint/suspicious/noExplicitAny: each tree has leaves of a type of its own, which the function that combines them names
  combine: (...leaves: any[]) => R,
  tree: T,
  ...others: Tree<unknown>[]
): MapLeaves<T, R> {
  const names = paths(tree as Tree<unknown>);
  const records = others.map((other, i) => {
    const record = toRecord(other as Tree<unknown>);
    const first = [
      ...names.filter((path) => !Object.hasOwn(record, path)),
      ...Object.keys(record).filter((path) => !names.includes(path)),
    ][0];
    if (first !== undefined)
      throw new TreeError(`tree ${i + 2} of ${others.length + 1} differs in structure from the first at "${first}"`);
    return record;
  });
  return mapTree(tree, (leaf, path) => combine(leaf, ...records.map((record) => record[path])));
}

function rebuild(node: unknown, path: string, change: (leaf: unknown, path: string) => unknown): unknown {
  if (node === null) return null;
  if (isLeaf(node)) return change(checkedLeaf(node, path), path);
  if (Array.isArray(node)) return node.map((child, i) => rebuild(child, join(path, String(i)), change));
  return Object.fromEntries(
    Object.entries(node as object).map(([name, child]) => [name, rebuild(child, join(path, name), change)]),
  );
}

function walk(node: unknown, path: string, visit: (path: string, leaf: unknown) => void): void {
  if (node === null) return;
  if (isLeaf(node)) visit(path, checkedLeaf(node, path));
  else for (const [name, child] of Object.entries(node as object)) walk(child, join(path, name), visit);
}

function checkedLeaf(node: unknown, path: string): unknown {
  if (node === undefined) throw new TreeError(`the tree holds undefined at "${path}"; leave the name out, or use null`);
  return node;
}

function join(path: string, name: string): string {
  if (name === "" || name.includes("."))
    throw new TreeError(`"${name}" (in "${path}") can't name a part of a tree: paths are joined by dots`);
  return path === "" ? name : `${path}.${name}`;
}
