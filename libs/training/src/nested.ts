import { type HostArray, tf } from "tfjs-libtensorflow";

/** A nested tree under construction. */
type Node = tf.Tensor | { [name: string]: Node };

/**
 * Weights by dotted path (a safetensors file, or a part of a state) as a tree of eager tensors, which the caller disposes.
 * A level whose names are 0, 1, 2, ... becomes an array. The type is the caller's word for what the file holds.
 */
export function tensorsOf<T>(weights: Readonly<Record<string, HostArray>>): T {
  const root: { [name: string]: Node } = {};
  for (const path of Object.keys(weights).sort()) {
    const names = path.split(".");
    let level = root;
    for (const name of names.slice(0, -1)) {
      level[name] ??= {};
      level = level[name] as { [name: string]: Node };
    }
    level[names.at(-1) as string] = toTensor(weights[path] as HostArray);
  }
  return withArrays(root) as T;
}

function toTensor({ dtype, shape, data }: HostArray): tf.Tensor {
  if (dtype === "uint8") return tf.tensor(Int32Array.from(data), [...shape], "int32");
  return tf.tensor(data, [...shape], dtype);
}

function withArrays(node: Node): unknown {
  if (node instanceof tf.Tensor) return node;
  const names = Object.keys(node);
  if (names.length > 0 && names.every((_, i) => String(i) in node)) {
    return names.map((_, i) => withArrays(node[i] as Node));
  }
  return Object.fromEntries(names.map((name) => [name, withArrays(node[name] as Node)]));
}

/** The weights under `prefix.`, with the rest of their paths as names. */
export function subtree(weights: Readonly<Record<string, HostArray>>, prefix: string): Record<string, HostArray> {
  const start = `${prefix}.`;
  const inside = Object.entries(weights).filter(([path]) => path.startsWith(start));
  return Object.fromEntries(inside.map(([path, leaf]) => [path.slice(start.length), leaf]));
}
