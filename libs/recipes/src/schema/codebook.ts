import { z } from "zod";
import { count, crop, flip, nonNegative, optimizer, partial, positive } from "./common.ts";

/** The stage `codebook`. */
export const codebook = z
  .strictObject({
    source: z
      .enum(["vq", "feature-kmeans", "dall-e"])
      .describe(
        "vq: an autoencoder trained here; feature-kmeans: clusters of the perceptual network's features, without an autoencoder; dall-e: DALL-E's encoder from a file of weights",
      ),
    weights: z.string().min(1).nullable().describe("a safetensors file with DALL-E's encoder; null: none"),
    pictureSize: count.nullable().describe("pixels on a side of the pictures that it is trained on; null: image.size"),
    steps: count,
    batch: count,
    microBatch: count.nullable().describe("pictures computed at a time, with the result of the whole batch; null: all"),
    size: z.int().min(2).describe("number of codes"),
    width: count.describe("numbers in a code"),
    channels: z
      .array(count)
      .min(1)
      .max(8)
      .describe("after each stride-2 convolution: the token grid is the picture / 2 ^ their number"),
    blocks: z
      .enum(["plain", "vqgan"])
      .describe("plain: ReLU and convolutions; vqgan: group norm, swish and residual blocks at every resolution"),
    residualBlocks: z.int().min(0).describe("plain: at the lowest resolution; vqgan: at every one"),
    attention: z.boolean().describe("self-attention at the lowest resolution (vqgan)"),
    codes: z
      .enum(["ema", "gradient"])
      .describe("ema: codes are moving averages of their latents; gradient: learned like weights"),
    unitLength: z
      .boolean()
      .describe("latents and codes divided by their lengths (BEiT v2); also the features that are clustered"),
    decay: partial.describe("of the moving averages that the codes are"),
    smoothing: nonNegative.describe("Laplace smoothing of the codes' counts, 1e-5 in Sonnet; 0: none"),
    codebookWeight: nonNegative.describe("weight of the distance of codes from their latents, for gradient codes"),
    commitment: nonNegative.describe("weight of the distance of latents from their codes"),
    kmeansRounds: z
      .int()
      .min(0)
      .describe(
        "of k-means, over at least 4 latents a code (feature-kmeans: over 16 to 64 features a code); 0: learned codes start within ±1/size, others at random latents",
      ),
    restartBelow: partial.describe("a code used less than this share of an even use starts anew; 0: never"),
    loss: z.strictObject({
      pixel: nonNegative.describe("weight of the pixels' error"),
      pixelPower: z.union([z.literal(1), z.literal(2)]).describe("1: absolute error; 2: squared error"),
      pixelVariance: positive.describe("that the error is divided by"),
      perceptual: nonNegative.describe("weight of the distance of features"),
      layers: z
        .array(count)
        .min(1)
        .describe(
          "blocks of the perceptual network whose features are compared, from 1; feature-kmeans: the last of them",
        ),
      layerWeights: z.array(nonNegative).nullable().describe("one for each of layers; null: all alike"),
      power: z.union([z.literal(1), z.literal(2)]).describe("of the difference of features"),
      balance: z
        .enum(["none", "first-step"])
        .describe("first-step: the perceptual weight is multiplied by the ratio of the two losses at the first step"),
      norm: z.enum(["layernorm", "l2", "none"]).describe("of the features, before the comparison"),
    }),
    adversarial: z
      .strictObject({
        weight: positive.describe("times the adaptive weight of VQGAN"),
        startStep: z.int().min(0).describe("first step of the discriminator"),
        channels: count.describe("of its first convolution"),
        layers: count.describe("stride-2 convolutions"),
      })
      .nullable()
      .describe("a PatchGAN discriminator; null: none"),
    optimizer,
    views: z.strictObject({ crop, flip }),
  })
  .describe("the VQ autoencoder and its codebook");
