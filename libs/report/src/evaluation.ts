/**
 * What the stage `evaluate` publishes as `evaluation.json` and the report reads: every figure measured on the test split. Pictures are
 * PNG blobs beside it, named here.
 */
import { z } from "zod";

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();

/** Name of the file inside an `evaluation` artifact. */
export const evaluationBlob = "evaluation.json";

const accuracies = { top1: share, top5: share, balanced: share };
/** The best of a network's validations, and after how many steps. */
const best = z.strictObject({ step: count, validation: share });

/** A fine-tuned network on the test split, after its last step. */
export const networkResult = z.strictObject({
  ...accuracies,
  validation: share,
  best,
  /** The moving average of its weights, where the recipe has one. */
  average: z.strictObject({ ...accuracies, validation: share, best }).nullable(),
});

/** One way to start fine-tuning, with all its networks. */
export const arm = z.strictObject({
  name: z.enum(["pretrained", "from-scratch"]),
  /** The network that fine-tuning began with: the pre-trained one, the perceptual network, one from a file, or none. */
  start: z.enum(["pretrained", "perceptual-network", "weights", "random"]),
  /** Each learning rate that was tried, with the validation accuracy of its networks. */
  rates: z.array(z.strictObject({ lr: z.number().positive(), validation: z.array(share).min(1) })).min(1),
  /** The rate with the best mean on validation. */
  lr: z.number().positive(),
  /** The chosen rate's networks, one a repeat, on the test split. */
  networks: z.array(networkResult).min(1),
  /** Mean over the networks. */
  mean: z.strictObject(accuracies),
  /** Mean over the moving averages of their weights; null where there are none. */
  averageMean: z.strictObject(accuracies).nullable(),
  /** Pictures of a class (row) taken for a class (column), summed over the networks: `[classes * classes]`. */
  confusion: z.array(count),
});

/** A network whose frozen features are classified: the one that fine-tuning begins with (weights: of a file), or one with random weights. */
const frozenNetwork = z.enum(["pretrained", "perceptual-network", "weights", "random"]);

/** Linear classifiers on frozen features of every block: class token beside the mean of the patches, without the final norm. */
export const probe = z.strictObject({
  network: frozenNetwork,
  /** lbfgs: logistic regression of standardised features; adamw: BEiT's, with augmented pictures. */
  method: z.enum(["lbfgs", "adamw"]),
  blocks: z
    .array(
      z.strictObject({
        block: z.int().positive(),
        validation: share,
        test: share,
        /** adamw: the epoch with the best validation accuracy, from 1; the figures beside it are the last epoch's. */
        best: z.strictObject({ epoch: z.int().positive(), validation: share, test: share }).nullable(),
      }),
    )
    .min(1),
  /** The block with the best validation accuracy after the last epoch, from 1. */
  block: z.int().positive(),
  /** Its accuracy on the test split. */
  top1: share,
});

/** Votes of the nearest training pictures, by the cosine of the networks' outputs (DINO's protocol). */
export const nearestNeighbours = z.strictObject({
  network: frozenNetwork,
  /** After the final norm: the class token, or the mean of the patches. */
  output: z.enum(["class-token", "patch-mean"]),
  /** Training pictures that vote. */
  pictures: count,
  results: z.array(z.strictObject({ neighbours: z.int().positive(), validation: share, test: share })).min(1),
  /** The number of neighbours with the best validation accuracy, and its accuracy on the test split. */
  neighbours: z.int().positive(),
  top1: share,
});

/** Linear classifiers on what the tokenizer makes of a picture. */
export const codeWords = z.array(
  z.strictObject({
    /** bag: how often each code occurs; embeddings: looked-up code vectors; latents: the encoder's output before the codebook. */
    representation: z.enum(["bag", "embeddings", "latents"]),
    /** Whether vectors were averaged over the places, since one for every place would be too wide. */
    pooled: z.boolean(),
    validation: share,
    test: share,
  }),
);

/** Everything about classes; absent where the pictures have none. */
export const classification = z.strictObject({
  classes: z.array(z.string()).min(2),
  /** Accuracy of always naming the commonest class of the test split, and of guessing evenly. */
  chance: z.strictObject({ commonest: share, even: share }),
  labels: z.strictObject({ train: count, validation: count, test: count }),
  arms: z.array(arm),
  /** Labelled pictures that probes, neighbours and the code words' classifiers learned from. */
  probeLabels: count,
  probes: z.array(probe),
  nearestNeighbours: z.array(nearestNeighbours),
  /** Null without a tokenizer, or where the recipe leaves it out. */
  codeWords: codeWords.nullable(),
});

/**
 * Two-alternative forced choice: each test picture with two changed ones, of which one should be nearer. `shift`: the picture moved by
 * `shift` pixels should be nearer than the blurred one. The other two are reverse triples, so that a distance that is blind to changes
 * cannot win: `far-shift`: a slightly blurred picture should be nearer than one moved by a quarter of its side; `other-picture`: a blurred
 * picture should be nearer than another one.
 */
export const triples = z.strictObject({
  pictures: count,
  settings: z.array(
    z.strictObject({
      kind: z.enum(["shift", "far-shift", "other-picture"]),
      /** Pixels; null for another picture. */
      shift: z.number().positive().nullable(),
      /** Deviation of the blur in pixels. */
      sigma: z.number().positive(),
      distances: z.array(
        z.strictObject({
          /** tokens: share of differing tokens; pixels: squared error; features: of the perceptual network. */
          distance: z.enum(["tokens", "pixels", "features"]),
          /** Share of triples in which the one that should be nearer is; ties count a half. */
          score: share,
          ties: share,
        }),
      ),
    }),
  ),
});

const spread = z.strictObject({ mean: z.number(), deviation: z.number().nonnegative() });

/** The whole evaluation of one seed. What a run has no network for is null. */
export const evaluation = z.strictObject({
  format: z.literal(2),
  /** Pictures of the test split, and their edge in pixels. */
  pictures: count,
  size: z.int().positive(),
  classification: classification.nullable(),
  /** Why there is no classification, in words for the reader. */
  withoutClasses: z.string().nullable(),
  /** Tokenizer and its decoder on the test split, per picture. SSIM is null for pictures smaller than its window of 11 pixels. */
  reconstruction: z.strictObject({ psnr: spread, ssim: spread.nullable() }).nullable(),
  /** How the test split's tokens use the frozen codebook. */
  codebook: z
    .strictObject({
      size: z.int().positive(),
      tokens: count,
      usage: share,
      perplexity: z.number().positive(),
      /** Entropy of a token, `log2(perplexity)`. */
      bits: z.number().nonnegative(),
      histogram: z.array(count),
    })
    .nullable(),
  /** The pre-trained ViT on masked patches of the test split: share of tokens named right, and cross-entropy in nats. */
  maskedTokens: z.strictObject({ masked: count, accuracy: share, loss: z.number() }).nullable(),
  triples: triples.nullable(),
  /** Names of PNG blobs, same test pictures throughout. */
  samples: z.strictObject({
    /** Tokens along a side of a picture; null without a tokenizer. */
    grid: z.int().positive().nullable(),
    list: z.array(
      z.strictObject({
        /** Class, where there is one. */
        label: z.string().nullable(),
        original: z.string(),
        /** Decoded from the picture's own tokens. */
        reconstruction: z.string().nullable(),
        /** With the hidden patches grey; null where there is no pre-trained network that names tokens. */
        masked: z.string().nullable(),
        /** Decoded from the tokens of visible patches and the predicted ones of hidden patches. */
        prediction: z.string().nullable(),
        /** Hidden patches, and how many of their tokens were named right. */
        hidden: count,
        right: count,
        /** Where the class token of the last block looks, a picture for each head. */
        attention: z.array(z.string()),
      }),
    ),
  }),
});

/** See {@link evaluation}. */
export type Evaluation = z.infer<typeof evaluation>;
/** See {@link arm}. */
export type Arm = z.infer<typeof arm>;
/** See {@link probe}. */
export type Probe = z.infer<typeof probe>;
/** See {@link nearestNeighbours}. */
export type NearestNeighbours = z.infer<typeof nearestNeighbours>;
/** See {@link codeWords}. */
export type CodeWords = z.infer<typeof codeWords>;
/** See {@link triples}. */
export type Triples = z.infer<typeof triples>;
/** See {@link classification}. */
export type Classification = z.infer<typeof classification>;
