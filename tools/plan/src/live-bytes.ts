import type { Program, Value } from "tfjs-libtensorflow";

/** Bytes of one element. */
const width: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 1,
  bfloat16: 2,
  half: 2,
  int64: 8,
  uint64: 8,
  double: 8,
};

/** Bytes of a value. */
export function bytesOf({ dtype, shape }: Value): number {
  return shape.reduce((size, side) => size * side, width[dtype] ?? 4);
}

/** Operations that give their first input under another shape or name, without new memory. */
const views = new Set(["Reshape", "Identity", "ExpandDims", "Squeeze", "StopGradient"]);

/**
 * The most bytes that live at once when a program's operations run in the order in which they were traced and each result is freed after
 * its last use. State and what else the program is given are not counted; a next value of the state is, until the step's end.
 */
export function peakLiveBytes({ operations, inputs, results, values }: Program): number {
  const owner = new Map<number, number>();
  const ownerOf = (value: number): number => owner.get(value) ?? value;
  for (const { name, inputs: given, outputs } of operations)
    if (views.has(name)) owner.set(outputs[0] as number, ownerOf(given[0] as number));

  const lastUse = new Map<number, number>();
  operations.forEach(({ inputs: given }, at) => {
    for (const value of given) lastUse.set(ownerOf(value), at);
  });
  for (const { value } of results) lastUse.set(ownerOf(value), operations.length);
  const free = new Map<number, number[]>();
  for (const [value, at] of lastUse) free.set(at, [...(free.get(at) ?? []), value]);

  const given = new Set(inputs.map(({ value }) => value));
  const living = new Set<number>();
  let [bytes, peak] = [0, 0];
  operations.forEach(({ name, outputs }, at) => {
    for (const value of views.has(name) ? [] : outputs) {
      if (!lastUse.has(value) || given.has(value)) continue;
      living.add(value);
      bytes += bytesOf(values[value] as Value);
    }
    peak = Math.max(peak, bytes);
    for (const value of free.get(at) ?? []) if (living.delete(value)) bytes -= bytesOf(values[value] as Value);
  });
  return peak;
}
