import { z } from "zod";

/** A number of things, at least one. */
export const count = z.int().min(1);
/** A share or a probability. */
export const share = z.number().min(0).max(1);
/** A probability below 1, or a share that must leave something. */
export const partial = z.number().min(0).lt(1);
/** Above 0. */
export const positive = z.number().positive();
/** At least 0. */
export const nonNegative = z.number().min(0);
/** A number for each of red, green and blue. */
export const perChannel = z.tuple([z.number(), z.number(), z.number()]);
/** A resampling filter. */
export const filter = z
  .enum(["bilinear", "bicubic", "lanczos"])
  .describe("how pictures are resized, as Pillow does it");

/** Two numbers, the smaller first. */
export const range = (bounds: z.ZodNumber, what: string) =>
  z
    .tuple([bounds, bounds])
    .refine(([from, to]) => from <= to, "the first number is larger than the second")
    .describe(what);

/** AdamW's settings and its schedule. */
export const optimizer = z
  .strictObject({
    lr: positive.describe("highest learning rate"),
    betas: z.tuple([partial, partial]).describe("decay of the mean gradient and of the mean squared gradient"),
    weightDecay: nonNegative,
    decayAll: z.boolean().describe("weight decay on biases and norms, too"),
    warmup: partial.describe("share of the steps over which the learning rate rises to lr"),
    warmupForm: z
      .enum(["plain", "moco-v3", "beit"])
      .describe(
        "learning rate of step s, from 0, of W, as a share of lr: plain (s + 1) / W; moco-v3 s / W; beit s / (W - 1), which has lr twice",
      ),
    finalLrShare: share.describe("what cosine decay ends in, as a share of lr"),
    clip: positive.nullable().describe("largest norm of the gradient of all parameters; null: not clipped"),
  })
  .describe("AdamW with linear warm-up and cosine decay");

/** A random crop. */
export const crop = z
  .strictObject({
    area: range(share.gt(0), "share of the picture's area"),
    aspect: range(positive, "width / height"),
    filter,
  })
  .describe("a random part of the picture, resized to the whole");
/** Mirroring. */
export const flip = share.describe("probability of a mirrored picture");

/** Changes of colour. */
export const jitter = z.strictObject({
  p: share,
  brightness: share,
  contrast: share,
  saturation: share,
  hueDegrees: z.number().min(0).max(180),
  hue: z
    .enum(["hsv", "chroma"])
    .describe(
      "what is turned. hsv: as torchvision, which changes luminance; chroma: about the grey axis, which does not change the channels' mean",
    ),
});
