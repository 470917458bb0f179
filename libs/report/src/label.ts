/** A field's name and value for a reader: `memoryBytes`, 25769803776 becomes `memory`, `24 GiB`. */
export function labelled(name: string, value: string): [name: string, value: string] {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll(".", ", ")
    .toLowerCase();
  const bytes = Number(value);
  if (!words.endsWith(" bytes") || !Number.isFinite(bytes)) return [words, value];
  return [words.slice(0, -" bytes".length), `${(bytes / 2 ** 30).toFixed(1)} GiB`];
}
