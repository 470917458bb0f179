import { z } from "zod";
import { count, crop, flip, jitter, optimizer, partial, positive, range, share } from "./common.ts";
import { vit } from "./vit.ts";

/** The stage `perceptual-network`. */
export const perceptualNetwork = z
  .strictObject({
    source: z
      .enum(["moco", "untrained", "weights"])
      .describe(
        "moco: trained here by MoCo v3; untrained: fresh weights, as a control; weights: a file of somebody else's",
      ),
    preset: z
      .enum([
        "mocov3-vit-s16",
        "mocov3-vit-b16",
        "dino-vit-s16",
        "dino-vit-b16",
        "deit-vit-b16",
        "timm-vit-b16",
        "vgg16",
      ])
      .nullable()
      .describe("what the file of weights holds; null: nothing is read"),
    weights: z.string().min(1).nullable().describe("a safetensors file, relative to the current folder; null: none"),
    vit: vit.nullable().describe("shape of this network; null: that of vit"),
    steps: count,
    batch: z
      .int()
      .min(2)
      .describe(
        "pictures a step, two views each, computed at once: the heads' batch norm and the keys are those of the whole batch, so that it cannot be computed in parts with the same result",
      ),
    temperature: positive,
    momentum: partial.describe("of the network that makes the keys, at the start; rises to 1 by cosine"),
    head: z
      .strictObject({
        projectorLayers: z.int().min(1).max(4),
        predictorLayers: z.int().min(1).max(4),
        hidden: count,
        width: count,
      })
      .describe("projector and predictor"),
    freezePatchEmbedding: z.boolean(),
    optimizer,
    views: z.strictObject({
      crop,
      flip,
      jitter,
      grey: share.describe("probability of a grey picture"),
      blur: z.strictObject({
        sigma: range(positive, "pixels"),
        p: z.tuple([share, share]).describe("in the first view and in the second"),
      }),
      solarize: z.strictObject({
        threshold: share,
        p: z.tuple([share, share]).describe("in the first view and in the second"),
      }),
    }),
  })
  .describe("the network whose features say what looks alike");
