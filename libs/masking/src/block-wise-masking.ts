import type { Stream } from "@peco/random";
import { type BlockWiseOptions, resolveOptions } from "./options.ts";
import { choosePatches } from "./random-masking.ts";

/** A rectangle of patches that was laid onto a mask. */
export interface Block {
  top: number;
  left: number;
  height: number;
  width: number;
}

const ATTEMPTS = 10;

/**
 * A mask of rectangular blocks over the patch grid: `uint8 [rows * columns]`, row by row, 1 where the patch is hidden.
 * The law is that of BEiT's `masking_generator.py` ("at-most") and BEiT v2's ("exactly"); equal in distribution, not bit by bit, since
 * those draw from Python's own generator. Throws {@link MaskOptionsError} for options that cannot be met.
 */
export function blockWiseMask(stream: Stream, options: BlockWiseOptions): Uint8Array {
  return blockWiseMaskAndBlocks(stream, options).mask;
}

/** {@link blockWiseMask} with the blocks that made it, in the order in which they were laid. */
export function blockWiseMaskAndBlocks(
  stream: Stream,
  options: BlockWiseOptions,
): { mask: Uint8Array; blocks: Block[] } {
  const resolved = resolveOptions(options);
  const { rows, columns, count, maxBlock, form } = resolved;
  const mask = new Uint8Array(rows * columns);
  const blocks: Block[] = [];
  let masked = 0;
  while (masked < count) {
    const most = Math.min(count - masked, maxBlock);
    const block = layBlock(stream, mask, most, resolved);
    if (block === null) break;
    blocks.push(block);
    masked += block.added;
  }
  if (form === "exactly") completeMask(stream, mask, count - masked);
  return { mask, blocks };
}

/** Lays one block that hides 1 to `most` more patches; null when ten attempts found none. */
function layBlock(
  stream: Stream,
  mask: Uint8Array,
  most: number,
  { rows, columns, minBlock, aspect }: Required<BlockWiseOptions>,
): (Block & { added: number }) | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // When fewer than minBlock are left, the range is reversed, as Python's random.uniform allows: areas from `most` to minBlock.
    const area = stream.uniform(minBlock, most);
    const ratio = stream.logUniform(aspect[0], aspect[1]);
    const height = roundHalfToEven(Math.sqrt(area * ratio));
    const width = roundHalfToEven(Math.sqrt(area / ratio));
    if (width >= columns || height >= rows) continue;
    const top = stream.integer(0, rows - height);
    const left = stream.integer(0, columns - width);
    const block = { top, left, height, width };
    const added = countVisible(mask, columns, block);
    if (added > 0 && added <= most) {
      for (let row = top; row < top + height; row++) mask.fill(1, row * columns + left, row * columns + left + width);
      return { ...block, added };
    }
  }
  return null;
}

/** How many patches of `block` are not masked yet. */
function countVisible(mask: Uint8Array, columns: number, { top, left, height, width }: Block): number {
  let visible = 0;
  for (let row = top; row < top + height; row++) {
    for (let cell = row * columns + left; cell < row * columns + left + width; cell++)
      visible += 1 - (mask[cell] as number);
  }
  return visible;
}

/** Hides `missing` more patches one by one, chosen at random (a negative number uncovers as many), as BEiT v2 does. */
function completeMask(stream: Stream, mask: Uint8Array, missing: number): void {
  const now = missing > 0 ? 0 : 1;
  const candidates: number[] = [];
  for (let cell = 0; cell < mask.length; cell++) if (mask[cell] === now) candidates.push(cell);
  for (const cell of choosePatches(stream, candidates, Math.abs(missing))) mask[cell] = 1 - now;
}

/** Python's `round`: a half goes to the even neighbour. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const part = x - floor;
  if (part !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
