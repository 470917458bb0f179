import type { HostArray, Tree } from "tfjs-libtensorflow";

type Nested = HostArray | { [name: string]: Nested };

/**
 * The tree whose leaves have these dotted paths: what `State.snapshot` and a safetensors file give, back in its nested
 * form. A level whose names are 0, 1, 2, ... becomes an array.
 */
export function nested(leaves: Readonly<Record<string, HostArray>>): Tree<HostArray> {
  const root: { [name: string]: Nested } = {};
  for (const [path, leaf] of Object.entries(leaves)) {
    const names = path.split(".");
    let level = root;
    for (const name of names.slice(0, -1)) {
      level[name] ??= {};
      level = level[name] as { [name: string]: Nested };
    }
    level[names.at(-1) as string] = leaf;
  }
  return withArrays(root);
}

function withArrays(node: Nested): Tree<HostArray> {
  if (ArrayBuffer.isView(node["data"])) return node as HostArray;
  const names = Object.keys(node);
  const isArray = names.length > 0 && names.every((_, i) => String(i) in node);
  const children = isArray ? names.map((_, i) => String(i)) : names;
  const entries = children.map(
    (name) => [name, withArrays((node as { [name: string]: Nested })[name] as Nested)] as const,
  );
  return isArray ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}

/** The leaves under `prefix.`, with the rest of their paths as names. */
export function subtree(leaves: Readonly<Record<string, HostArray>>, prefix: string): Record<string, HostArray> {
  const start = `${prefix}.`;
  const inside = Object.entries(leaves).filter(([path]) => path.startsWith(start));
  return Object.fromEntries(inside.map(([path, leaf]) => [path.slice(start.length), leaf]));
}
