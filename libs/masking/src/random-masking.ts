import type { Stream } from "@peco/random";
import { checkGrid, type RandomOptions } from "./options.ts";

/** A mask of `count` single patches, each set of them equally likely: `uint8 [rows * columns]`, 1 where the patch is hidden. */
export function randomMask(stream: Stream, options: RandomOptions): Uint8Array {
  checkGrid(options);
  const { rows, columns, count } = options;
  const mask = new Uint8Array(rows * columns);
  const cells = Array.from(mask, (_, cell) => cell);
  for (const cell of choosePatches(stream, cells, count)) mask[cell] = 1;
  return mask;
}

/** `count` of the `candidates`, without repetition, each choice equally likely. Reorders `candidates`. */
export function choosePatches(stream: Stream, candidates: number[], count: number): number[] {
  for (let index = 0; index < count; index++) {
    const other = stream.integer(index, candidates.length - 1);
    const kept = candidates[index] as number;
    candidates[index] = candidates[other] as number;
    candidates[other] = kept;
  }
  return candidates.slice(0, count);
}
