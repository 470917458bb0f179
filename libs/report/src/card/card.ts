import { z } from "zod";

const text = z.string();
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const counts = z.strictObject({ train: z.int(), validation: z.int(), test: z.int() });

/** One artifact of a run as its card names it. */
export const cardArtifact = z.strictObject({
  stage: text,
  seed: text,
  key: digest,
  artifact: digest,
  kind: text,
  /** Files of the artifact with their SHA-256 and length. */
  blobs: z.record(z.string(), z.strictObject({ digest, bytes: z.int() })),
  /** What the stage measured, times left out. */
  figures: z.record(z.string(), z.number()),
  seconds: z.number().nullable(),
});

/** What a run took from outside, by its hashes. */
export const cardInputs = z.strictObject({
  /** SHA-256 of the names and contents of the folder of pictures; null for the generated set. */
  folder: digest.nullable(),
  /** Files of somebody else's weights. */
  weights: z.array(
    z.strictObject({
      stage: text,
      /** The recipe's key that names the file. */
      key: text,
      /** As the recipe has it. */
      path: text,
      /** SHA-256 of the file. */
      digest,
      /** What the file holds; null where the artifact does not say. */
      preset: text.nullable(),
      licence: text,
    }),
  ),
  /** Artifacts of earlier runs that it was given instead of making them, by what the stage calls such an input. */
  given: z.array(z.strictObject({ name: text, artifact: digest, kind: text })),
});
/** See {@link cardInputs}. */
export type CardInputs = z.infer<typeof cardInputs>;

/** The format that is written; cards of format 1 lack `inputs` and can be read. */
export const cardFormat = 2;

/**
 * A run's reproducibility card: the seven variables by which the method's paper was found to be hard to repeat (pseudocode, open code, open
 * data, dataset splits, hardware, software versions, experiment setup), each filled from the run itself.
 */
export const reproducibilityCard = z.strictObject({
  format: z.literal([1, cardFormat]),
  run: text,
  created: z.iso.datetime(),
  pseudocode: z.array(z.strictObject({ stage: text, file: text, lines: z.array(text) })),
  code: z.strictObject({
    licence: text,
    /** Of the checkout; null where there is no git. */
    revision: text.nullable(),
    /** Whether files differed from that revision. */
    changed: z.boolean(),
    /** SHA-256 of package-lock.json. */
    lockfile: digest.nullable(),
  }),
  data: z.strictObject({
    /** `generated`, or the folder as it was named. */
    source: text,
    /** Digest of each seed's `data` artifact. */
    artifacts: z.record(z.string(), digest),
    licence: text,
    skipped: z.int(),
    copies: z.int(),
  }),
  /** Of format 2. */
  inputs: cardInputs.optional(),
  splits: z.strictObject({
    definition: text,
    counts,
    labelled: z.int(),
    classes: z.array(z.strictObject({ name: text, counts })),
  }),
  hardware: z.record(z.string(), z.json()),
  software: z.record(z.string(), z.json()),
  experiment: z.strictObject({
    command: text,
    recipe: text,
    /** The whole recipe, defaults resolved. */
    resolved: z.record(z.string(), z.json()),
    /** Each value's path, the value, and where it was taken from. */
    values: z.array(z.strictObject({ path: text, value: text, source: text })),
    seeds: z.array(text),
    seconds: z.number().nullable(),
    artifacts: z.array(cardArtifact),
  }),
});
/** See {@link reproducibilityCard}. */
export type ReproducibilityCard = z.infer<typeof reproducibilityCard>;
/** See {@link cardArtifact}. */
export type CardArtifact = z.infer<typeof cardArtifact>;
