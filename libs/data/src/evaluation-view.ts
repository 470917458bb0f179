import { z } from "zod";
import type { Picture } from "./picture.ts";
import { centerCrop, makePlainView, resizeShorterSide } from "./plain-view.ts";
import { filters } from "./resample-weights.ts";

/** What is seen of a picture for evaluation, as torchvision's `Resize(resize, filter)` and `CenterCrop(size)` make it. */
export const evaluationTransform = z.strictObject({
  /** Length of the shorter side, in pixels. */
  resize: z.int().min(1).max(8192),
  filter: z.enum(filters),
});

/** See {@link evaluationTransform}. */
export type EvaluationTransform = z.infer<typeof evaluationTransform>;

/** BEiT's evaluation of pictures of a size: the shorter side to size x 256 / 224 below 384 pixels and to the size from there, bicubic. */
export function defaultTransform(size: number): EvaluationTransform {
  return { resize: size < 384 ? Math.trunc((size * 256) / 224) : size, filter: "bicubic" };
}

/**
 * Makes an unaugmented view of a picture into `out`, `uint8 [size, size, 3]`.
 *
 * @param transform null: the shorter side resized to `size` (bicubic) and the middle kept, which leaves square pictures whole
 */
export function makeEvaluationView(
  picture: Picture,
  out: Uint8Array,
  size: number,
  transform: EvaluationTransform | null,
): void {
  if (transform === null) makePlainView(picture, out, size);
  else centerCrop(resizeShorterSide(picture, transform.resize, transform.filter), out, size);
}
