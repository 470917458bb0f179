/** The leaves of a JSON value as words with their dotted paths; lists of plain values stay in one. */
export function flatValues(path: string, value: unknown): [path: string, value: string][] {
  if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null))
    return [[path, `[${value.join(", ")}]`]];
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) => flatValues(path === "" ? name : `${path}.${name}`, inner));
  }
  return [[path, String(value)]];
}
