import type { Stream } from "@peco/random";
import { blockWiseMask } from "./block-wise-masking.ts";
import type { BlockWiseOptions } from "./options.ts";
import { randomMask } from "./random-masking.ts";

/** A recipe's mask: block-wise in BEiT's first or second form, or of single patches ("random", where block sizes mean nothing). */
export type MaskOptions = Omit<BlockWiseOptions, "form"> & { readonly form: "at-most" | "exactly" | "random" };

/** Draws a mask of any form: `uint8 [rows * columns]`, 1 where the patch is hidden. @throws MaskOptionsError */
export function drawMask(stream: Stream, options: MaskOptions): Uint8Array {
  const { form } = options;
  return form === "random" ? randomMask(stream, options) : blockWiseMask(stream, { ...options, form });
}
