import { type Key, type Stream, stream } from "@peco/random";
import { z } from "zod";
import { grey, solarize } from "./colour.ts";
import { applyJitter, drawJitter, jitterOptions } from "./colour-jitter.ts";
import { gaussianBlur } from "./gaussian-blur.ts";
import type { Picture } from "./picture.ts";
import { augment, drawRandAugment, randAugmentOptions } from "./rand-augment.ts";
import { randomResizedCrop } from "./random-resized-crop.ts";
import { filters } from "./resample-weights.ts";
import { type Box, resizeBox } from "./resize.ts";

const share = z.number().min(0).max(1);
const range = z
  .tuple([z.number().positive(), z.number().positive()])
  .refine(([low, high]) => low <= high, "the smaller number comes first");
const perView = z.tuple([share, share]);

/** How a view of a picture is drawn: the `views` of a recipe. What is left out is not done. */
export const viewOptions = z.strictObject({
  crop: z.strictObject({
    /** Share of the picture's area. */
    area: range,
    /** Width / height. */
    aspect: range,
    filter: z.enum(filters),
  }),
  /** Probability of mirroring left to right. */
  flip: share,
  /** One draw of `p` for all of it. */
  jitter: jitterOptions.extend({ p: share }).nullish(),
  /** Probability of a picture without colour. */
  grey: share.optional(),
  /** Deviation in pixels; probability in the first and in the second view. */
  blur: z.strictObject({ sigma: range, p: perView }).optional(),
  /** Values from `threshold` (a share of the range) are inverted; probability in the first and in the second view. */
  solarize: z.strictObject({ threshold: share, p: perView }).optional(),
  /** Comes right after crop and mirroring. */
  randAugment: randAugmentOptions.optional(),
  /** Filter of the tokenizer's view of a masked batch. @default crop.filter */
  tokenizerFilter: z.enum(filters).optional(),
});

/** How a view is drawn; a recipe's `views` as it stands. */
export type ViewOptions = z.infer<typeof viewOptions>;

/** Where and how a view looks at its picture. */
export interface Window {
  readonly box: Box;
  readonly mirror: boolean;
}

/** Draws crop and mirroring. */
export function drawWindow(draws: Stream, { height, width }: Omit<Picture, "data">, options: ViewOptions): Window {
  const box = randomResizedCrop(draws, height, width, options.crop.area, options.crop.aspect);
  return { box, mirror: draws.bernoulli(options.flip) };
}

/**
 * Makes view `view` (0 or 1) of a picture into `out`, `uint8 [size, size, 3]`, with MoCo v3's order: crop and mirroring, jitter, grey,
 * blur, solarize; fine-tuning has RandAugment in place of the latter. All draws come from `key`.
 */
export function makeView(
  key: Key,
  picture: Picture,
  options: ViewOptions,
  view: 0 | 1,
  out: Uint8Array,
  size: number,
): void {
  const draws = stream(key);
  const { box, mirror } = drawWindow(draws, picture, options);
  const made = { data: out, height: size, width: size };
  resizeBox(picture, box, made, options.crop.filter, mirror);
  if (options.randAugment) {
    for (const drawn of drawRandAugment(draws, options.randAugment)) augment(made, drawn, options.randAugment.fill);
  }
  changeColours(draws, made, options, view);
}

/**
 * Makes BEiT's two views of a picture: the same window, for the transformer into `first` with `crop.filter` and for the tokenizer into
 * `second`, where it is wanted, with `tokenizerFilter`. Colours change before the crop, so that both views show the same, and contrast is measured against
 * the mean of the whole picture.
 */
export function makeViewPair(
  key: Key,
  picture: Picture,
  options: ViewOptions,
  first: { out: Uint8Array; size: number },
  second: { out: Uint8Array; size: number } | null,
): void {
  const draws = stream(key);
  const { box, mirror } = drawWindow(draws, picture, options);
  const source = recoloured(draws, picture, options);
  const filter = options.tokenizerFilter ?? options.crop.filter;
  const targets = [{ ...first, used: options.crop.filter }, ...(second === null ? [] : [{ ...second, used: filter }])];
  for (const { out, size, used } of targets)
    resizeBox(source, box, { data: out, height: size, width: size }, used, mirror);
}

function recoloured(draws: Stream, picture: Picture, options: ViewOptions): Picture {
  if (!(options.jitter || options.grey || options.blur || options.solarize)) return picture;
  const copy = { ...picture, data: Uint8Array.from(picture.data) };
  changeColours(draws, copy, options, 0);
  return copy;
}

function changeColours(draws: Stream, picture: Picture, options: ViewOptions, view: 0 | 1): void {
  const { jitter, blur } = options;
  const { data } = picture;
  if (jitter && draws.bernoulli(jitter.p)) applyJitter(data, drawJitter(draws, jitter));
  if (options.grey && draws.bernoulli(options.grey)) grey(data);
  if (blur && draws.bernoulli(blur.p[view])) gaussianBlur(picture, draws.uniform(blur.sigma[0], blur.sigma[1]));
  if (options.solarize && draws.bernoulli(options.solarize.p[view])) solarize(data, options.solarize.threshold * 255);
}
