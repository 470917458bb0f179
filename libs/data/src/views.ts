import { type Key, type Stream, stream } from "@peco/random";
import { z } from "zod";
import { brightness, clampAll, contrast, grey, hue, saturation, solarize } from "./colour.ts";
import { blurRadius, gaussianBlur } from "./gaussian-blur.ts";
import type { Picture } from "./picture.ts";
import { randomResizedCrop } from "./random-resized-crop.ts";
import { type Box, filters, resizeBox } from "./resize.ts";

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
  /** One draw of `p` for all four, which then come in random order: factors `U(1 - x, 1 + x)`, chroma turned by `U(-hueDegrees, hueDegrees)`. */
  jitter: z
    .strictObject({
      p: share,
      brightness: share,
      contrast: share,
      saturation: share,
      hueDegrees: z.number().min(0).max(180),
    })
    .nullish(),
  /** Probability of a picture without colour. */
  grey: share.optional(),
  /** Deviation in pixels; probability in the first and in the second view. */
  blur: z.strictObject({ sigma: range, p: perView }).optional(),
  /** Values from `threshold` (a share of the range) are inverted; probability in the first and in the second view. */
  solarize: z.strictObject({ threshold: share, p: perView }).optional(),
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
 * blur, solarize. All draws come from `key`.
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
  const pixels = scratchOf(size);
  const { box, mirror } = drawWindow(draws, picture, options);
  resizeBox(picture.data, picture.width, box, pixels, size, options.crop.filter, mirror);
  clampAll(pixels);
  changeColours(draws, pixels, size, options, view);
  toBytes(pixels, out);
}

/**
 * Makes BEiT's two views of a picture: the same window, for the transformer into `first` with `crop.filter` and for the tokenizer into
 * `second` with `tokenizerFilter`. Colours change before the crop, so that both views show the same.
 */
export function makeViewPair(
  key: Key,
  picture: Picture,
  options: ViewOptions,
  first: { out: Uint8Array; size: number },
  second: { out: Uint8Array; size: number },
): void {
  const draws = stream(key);
  const { box, mirror } = drawWindow(draws, picture, options);
  const source = recoloured(draws, picture, options);
  const filter = options.tokenizerFilter ?? options.crop.filter;
  for (const [target, used] of [[first, options.crop.filter] as const, [second, filter] as const]) {
    const pixels = scratchOf(target.size);
    resizeBox(source, picture.width, box, pixels, target.size, used, mirror);
    toBytes(pixels, target.out);
  }
}

function recoloured(draws: Stream, picture: Picture, options: ViewOptions): Uint8Array | Float64Array {
  if (!(options.jitter || options.grey || options.blur || options.solarize)) return picture.data;
  const pixels = Float64Array.from(picture.data);
  changeColours(draws, pixels, picture.width, options, 0);
  return pixels;
}

function changeColours(draws: Stream, pixels: Float64Array, size: number, options: ViewOptions, view: 0 | 1): void {
  const { jitter, blur } = options;
  if (jitter && draws.bernoulli(jitter.p)) {
    const factor = (strength: number) => draws.uniform(1 - strength, 1 + strength);
    const changes = [
      (value: number) => brightness(pixels, value),
      (value: number) => contrast(pixels, value),
      (value: number) => saturation(pixels, value),
      (value: number) => hue(pixels, value),
    ];
    const values = [
      factor(jitter.brightness),
      factor(jitter.contrast),
      factor(jitter.saturation),
      draws.uniform(-jitter.hueDegrees, jitter.hueDegrees),
    ];
    for (const which of draws.shuffle([0, 1, 2, 3])) changes[which]?.(values[which] as number);
  }
  if (options.grey && draws.bernoulli(options.grey)) grey(pixels);
  if (blur && draws.bernoulli(blur.p[view])) {
    gaussianBlur(pixels, size, draws.uniform(blur.sigma[0], blur.sigma[1]), blurRadius(blur.sigma[1], size));
  }
  if (options.solarize && draws.bernoulli(options.solarize.p[view])) solarize(pixels, options.solarize.threshold);
}

/** Makes an unaugmented view: the picture itself, or resized as a whole (bicubic) where the size differs. */
export function makePlainView(picture: Picture, out: Uint8Array, size: number): void {
  if (picture.height === size && picture.width === size) {
    out.set(picture.data);
    return;
  }
  const whole = { top: 0, left: 0, height: picture.height, width: picture.width };
  const pixels = scratchOf(size);
  resizeBox(picture.data, picture.width, whole, pixels, size, "bicubic");
  toBytes(pixels, out);
}

const scratches = new Map<number, Float64Array>();

/** Room for one picture in floats; what was in it is lost. One thread makes one view at a time. */
function scratchOf(size: number): Float64Array {
  const length = size * size * 3;
  const found = scratches.get(length) ?? new Float64Array(length);
  scratches.set(length, found);
  return found;
}

/** Rounds to the nearest whole number and cuts to 0 and 255. By hand: a clamped array takes twice as long, its `set` ten times. */
function toBytes(pixels: Float64Array, out: Uint8Array): void {
  for (let at = 0; at < pixels.length; at++) {
    const value = pixels[at] as number;
    out[at] = value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
  }
}
