/**
 * What the stage `evaluate` publishes as `evaluation.json` and the report reads: every figure measured on the test split. Pictures are
 * PNG blobs beside it, named here.
 */
import { z } from "zod";

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();

/** Name of the file inside an `evaluation` artifact. */
export const evaluationBlob = "evaluation.json";

/** A fine-tuned network on the test split. */
export const networkResult = z.strictObject({ top1: share, top5: share, balanced: share });

/** One way to start fine-tuning, with all its networks. */
export const arm = z.strictObject({
  name: z.enum(["pretrained", "from-scratch"]),
  /** Each learning rate that was tried, with the validation accuracy of its networks. */
  rates: z.array(z.strictObject({ lr: z.number().positive(), validation: z.array(share).min(1) })).min(1),
  /** The rate with the best mean on validation. */
  lr: z.number().positive(),
  /** The chosen rate's networks, one a repeat, on the test split. */
  networks: z.array(networkResult).min(1),
  /** Mean over the networks. */
  mean: networkResult,
  /** Pictures of a class (row) taken for a class (column), summed over the networks: `[classes * classes]`. */
  confusion: z.array(count),
});

/** Linear classifiers on frozen features of every block. */
export const probe = z.strictObject({
  network: z.enum(["pretrained", "random"]),
  blocks: z.array(z.strictObject({ block: z.int().positive(), validation: share, test: share })).min(1),
  /** The block with the best validation accuracy, from 1. */
  block: z.int().positive(),
  /** Its accuracy on the test split. */
  top1: share,
});

/** Everything about classes; absent where the pictures have none. */
export const classification = z.strictObject({
  classes: z.array(z.string()).min(2),
  /** Accuracy of always naming the commonest class of the test split, and of guessing evenly. */
  chance: z.strictObject({ commonest: share, even: share }),
  labels: z.strictObject({ train: count, validation: count, test: count }),
  arms: z.array(arm),
  /** Labelled pictures that the linear probe was fitted on. */
  probeLabels: count,
  probes: z.array(probe),
});

const spread = z.strictObject({ mean: z.number(), deviation: z.number().nonnegative() });

/** The whole evaluation of one seed. */
export const evaluation = z.strictObject({
  format: z.literal(1),
  /** Pictures of the test split, and their edge in pixels. */
  pictures: count,
  size: z.int().positive(),
  classification: classification.nullable(),
  /** Why there is no classification, in words for the reader. */
  withoutClasses: z.string().nullable(),
  /** Tokenizer and its decoder on the test split, per picture. SSIM is null for pictures smaller than its window of 11 pixels. */
  reconstruction: z.strictObject({ psnr: spread, ssim: spread.nullable() }),
  /** How the test split's tokens use the frozen codebook. */
  codebook: z.strictObject({
    size: z.int().positive(),
    tokens: count,
    usage: share,
    perplexity: z.number().positive(),
    histogram: z.array(count),
  }),
  /** The pre-trained ViT on masked patches of the test split: share of tokens named right, and cross-entropy in nats. */
  maskedTokens: z.strictObject({ masked: count, accuracy: share, loss: z.number() }).nullable(),
  /** Names of PNG blobs, same test pictures throughout. `grid` is the patches' number per side. */
  samples: z.strictObject({
    grid: z.int().positive(),
    list: z.array(
      z.strictObject({
        /** Class, where there is one. */
        label: z.string().nullable(),
        original: z.string(),
        /** Decoded from the picture's own tokens. */
        reconstruction: z.string(),
        /** With the hidden patches grey; null where there is no pre-trained network. */
        masked: z.string().nullable(),
        /** Decoded from the tokens of visible patches and the predicted ones of hidden patches. */
        prediction: z.string().nullable(),
        /** Hidden patches, and how many of their tokens were named right. */
        hidden: count,
        right: count,
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
/** See {@link classification}. */
export type Classification = z.infer<typeof classification>;
