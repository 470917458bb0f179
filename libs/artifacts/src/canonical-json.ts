/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Thrown when a value has no canonical JSON, naming where in it the trouble is. A fault of the program. */
export class NotCanonical extends Error {
  readonly exitCode = 70;
  readonly remedy = "This is a fault of the program; please report it.";
  /** Where in the value, from `$`. */
  readonly path: string;

  constructor(path: string, what: string) {
    super(`${path} ${what}, which has no canonical JSON`);
    this.name = "NotCanonical";
    this.path = path;
  }
}

/**
 * The one text of a value (RFC 8785): names sorted by UTF-16 code units, no spaces, numbers as JavaScript prints them.
 * Equal values give equal text, whatever the order in which they were built; members that are `undefined` are left out.
 *
 * @throws NotCanonical for what JSON cannot hold: NaN, infinities, bigint, functions, class instances, cycles.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "$", []);
}

function write(value: unknown, path: string, above: readonly object[]): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new NotCanonical(path, `is ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value !== "object")
    throw new NotCanonical(path, `is ${typeof value === "undefined" ? "" : "a "}${typeof value}`);
  if (above.includes(value)) throw new NotCanonical(path, "contains itself");
  const within = [...above, value];
  if (Array.isArray(value))
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, within)).join(",")}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new NotCanonical(path, `is a ${value.constructor?.name ?? "class instance"}`);
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${write(member, `${path}.${name}`, within)}`);
  return `{${members.join(",")}}`;
}
