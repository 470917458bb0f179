import { z } from "zod";

const count = z.int().min(1);
const share = z.number().min(0).max(1);
/** A probability below 1, or a share that must leave something. */
const partial = z.number().min(0).lt(1);
const positive = z.number().positive();
const nonNegative = z.number().min(0);
const perChannel = z.tuple([z.number(), z.number(), z.number()]);
const filter = z.enum(["bilinear", "bicubic", "lanczos"]).describe("how pictures are resized, as Pillow does it");

const range = (bounds: z.ZodNumber, what: string) =>
  z
    .tuple([bounds, bounds])
    .refine(([from, to]) => from <= to, "the first number is larger than the second")
    .describe(what);

const optimizer = z
  .strictObject({
    lr: positive.describe("highest learning rate"),
    betas: z.tuple([partial, partial]).describe("decay of the mean gradient and of the mean squared gradient"),
    weightDecay: nonNegative,
    decayAll: z.boolean().describe("weight decay on biases and norms, too"),
    warmup: partial.describe("share of the steps over which the learning rate rises to lr"),
    finalLrShare: share.describe("what cosine decay ends in, as a share of lr"),
    clip: positive.nullable().describe("largest norm of the gradient of all parameters; null: not clipped"),
  })
  .describe("AdamW with linear warm-up and cosine decay");

const crop = z
  .strictObject({
    area: range(share.gt(0), "share of the picture's area"),
    aspect: range(positive, "width / height"),
    filter,
  })
  .describe("a random part of the picture, resized to the whole");
const flip = share.describe("probability of a mirrored picture");

const image = z
  .strictObject({
    size: count.describe("pixels on a side"),
    patch: count.describe("pixels on a side of a patch"),
    mean: perChannel.describe("taken from each channel, pixels being in [0, 1]"),
    std: z.tuple([positive, positive, positive]).describe("then divided by"),
  })
  .describe("pictures, for all stages");

const vit = z
  .strictObject({
    width: count,
    depth: count.describe("transformer blocks"),
    heads: count,
    mlpRatio: positive.describe("width of a block's hidden layer / width"),
    positions: z
      .enum(["sincos", "learned", "relative"])
      .describe("sincos: fixed; learned: added to the patches; relative: BEiT's bias on attention"),
    init: z.enum(["xavier", "beit"]).describe("how weights start"),
    layerScale: nonNegative.describe("start of the learned scale of each branch; 0: none"),
    keyBias: z.boolean().describe("a bias on attention's keys, too"),
    dropPath: partial.describe(
      "probability of leaving a branch out, in the last block while pre-training; rises linearly from 0",
    ),
  })
  .describe("the vision transformer, for all stages");

const runtime = z
  .strictObject({
    compiler: z.enum(["graph", "xla"]),
    precision: z.enum(["float32", "bfloat16"]).describe("of matrix products and convolutions"),
    threads: z.int().min(1).max(1024).describe("of a training step; they change the last bits of a result"),
    checkpointSeconds: positive.describe("time between checkpoints; changes no result"),
  })
  .describe("how training steps are computed");

const data = z.strictObject({
  generated: z
    .strictObject({
      train: count,
      labelled: count.describe("of the training pictures, those whose class is used"),
      validation: count,
      test: count,
    })
    .describe("pictures that are made when no folder is given"),
  folder: z
    .strictObject({
      testShare: partial.gt(0).describe("of each class, when the folder has no split of its own"),
      validationShare: partial.gt(0).describe("of what is not test"),
      onCorrupt: z.enum(["skip", "fail"]).describe("a file that is no whole picture: count and name it, or stop"),
    })
    .describe("pictures of a folder"),
});

const perceptualNetwork = z
  .strictObject({
    steps: count,
    batch: z.int().min(2).describe("pictures a step, two views each"),
    temperature: positive,
    momentum: partial.describe("of the network that makes the keys, at the start; rises to 1 by cosine"),
    head: z.strictObject({ hidden: count, width: count }).describe("projector and predictor"),
    freezePatchEmbedding: z.boolean(),
    optimizer,
    views: z.strictObject({
      crop,
      flip,
      jitter: z.strictObject({
        p: share,
        brightness: share,
        contrast: share,
        saturation: share,
        hueDegrees: z.number().min(0).max(180),
      }),
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
  .describe("a vision transformer trained by MoCo v3");

const codebook = z
  .strictObject({
    steps: count,
    batch: count,
    size: z.int().min(2).describe("number of codes"),
    width: count.describe("numbers in a code"),
    channels: z
      .array(count)
      .min(1)
      .max(8)
      .describe("after each stride-2 convolution: the token grid is the picture / 2 ^ their number"),
    residualBlocks: z.int().min(0),
    decay: partial.describe("of the moving averages that the codes are"),
    commitment: nonNegative.describe("weight of the distance of latents from their codes"),
    kmeansRounds: z.int().min(0).describe("on the first batch; 0: codes start at random latents"),
    restartBelow: partial.describe("a code used less than this share of an even use starts anew; 0: never"),
    loss: z.strictObject({
      pixel: nonNegative.describe("weight of the squared error"),
      pixelVariance: positive.describe("that the squared error is divided by"),
      perceptual: nonNegative.describe("weight of the distance of features"),
      layers: z.array(count).min(1).describe("blocks of the perceptual network whose features are compared, from 1"),
      norm: z.enum(["layernorm", "l2", "none"]).describe("of the features, before the comparison"),
    }),
    optimizer,
    views: z.strictObject({ crop, flip }),
  })
  .describe("the VQ autoencoder and its codebook");

const pretrain = z
  .strictObject({
    steps: count,
    batch: count,
    mask: z
      .strictObject({
        count: count.describe("patches to mask"),
        minBlock: count.describe("patches of the smallest block"),
        form: z
          .enum(["at-most", "exactly"])
          .describe("at-most: BEiT's first; exactly: filled up with single patches, as in its second"),
      })
      .describe("block-wise masks"),
    optimizer,
    views: z.strictObject({ crop, tokenizerFilter: filter, flip }),
  })
  .describe("prediction of the tokens of masked patches");

const finetune = z
  .strictObject({
    steps: count,
    batch: count,
    lrs: z
      .array(positive)
      .min(1)
      .describe("highest learning rates: each is tried, the better one on validation is taken"),
    repeats: count.describe("trainings for each learning rate"),
    smoothing: partial.describe("of labels"),
    layerDecay: share.gt(0).describe("learning rate of a block / that of the next; 1: equal"),
    dropPath: partial,
    mixup: nonNegative.describe("alpha; 0: off"),
    cutmix: nonNegative.describe("alpha; 0: off"),
    headInitScale: positive,
    optimizer: optimizer.omit({ lr: true }),
    views: z.strictObject({ crop, flip }),
  })
  .describe("classification, after pre-training and from scratch alike");

const evaluate = z.strictObject({
  batch: count,
  probe: z
    .strictObject({ labels: count.describe("at most this many labelled pictures"), weightDecay: nonNegative })
    .describe("linear probe"),
  pictures: z.int().min(1).max(64).describe("shown in the report"),
});

/** An experiment: everything that a run's results depend on except data, seed and the software. */
export const recipeSchema = z.strictObject({
  image,
  vit,
  runtime,
  data,
  perceptualNetwork,
  codebook,
  pretrain,
  finetune,
  evaluate,
});

/** A whole recipe that passed all checks. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Optimizer settings of a stage; fine-tuning has its learning rates apart, in `lrs`. */
export type OptimizerRecipe = z.infer<typeof optimizer>;
/** Random crop. */
export type CropRecipe = z.infer<typeof crop>;
