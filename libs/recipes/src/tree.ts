/** A value as YAML or JSON gives it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };
/** A map of values. */
export type PlainMap = { readonly [name: string]: Plain };

/** Whether a value is a map: what a recipe is made of, down to its leaves. */
export function isMap(value: unknown): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `over` laid on `base`: maps member by member, anything else replaced. */
export function merge(base: Plain, over: Plain): Plain {
  if (!isMap(base) || !isMap(over)) return over;
  const members = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) {
    const below = members.get(name);
    members.set(name, below === undefined ? value : merge(below, value));
  }
  return Object.fromEntries(members);
}

/** The value at a path, lists by number; undefined when there is none. */
export function valueAt(tree: Plain, path: readonly string[]): Plain | undefined {
  let at: Plain | undefined = tree;
  for (const part of path) {
    if (Array.isArray(at)) at = at[Number(part)];
    else at = isMap(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  }
  return at;
}

/** A tree with the value at a path set; maps that are missing are made, a list's place has to exist. */
export function withValue(tree: Plain, path: readonly string[], value: Plain): Plain {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (Array.isArray(tree) && /^\d+$/.test(part) && Number(part) < tree.length) {
    return tree.with(Number(part), withValue(tree[Number(part)] as Plain, rest, value));
  }
  const members = isMap(tree) ? tree : {};
  return { ...members, [part]: withValue(Object.hasOwn(members, part) ? (members[part] as Plain) : {}, rest, value) };
}

/** Paths of all values in a tree, maps and lists among them, the outer before the inner. */
export function* paths(tree: Plain, at: readonly string[] = []): Generator<readonly string[]> {
  yield at;
  const members = Array.isArray(tree) ? [...tree.entries()] : isMap(tree) ? Object.entries(tree) : [];
  for (const [name, value] of members) yield* paths(value as Plain, [...at, String(name)]);
}
