import { z } from "zod";

const budget = z.int().positive().nullable();
const numbers = z.record(z.string(), z.number());

/** What a study's pictures are: made by peco, npm's emoji, or a folder of the user's. */
export const studyKind = z.enum(["generated", "emoji", "folder"]);
/** What a study's pictures are. */
export type StudyKind = z.infer<typeof studyKind>;

/** What one arm reached with one seed and one label budget. */
export const studyRow = z.strictObject({
  arm: z.string(),
  seed: z.string(),
  budget,
  /** The learning rate that was better on validation. */
  lr: z.number().positive(),
  /** Top-1 of each fine-tuned network of that rate, on the test pictures. */
  networks: z.array(z.number()),
  /** Every figure of the test pictures by name: `top1`, `balanced`, `probe`, `bag`, `embeddings`, `perplexity`, ... */
  figures: numbers,
  /** `top1`, `probe`, `neighbours`, `bag`, `embeddings` and `latents` of the validation pictures; older results lack them. */
  validation: numbers.optional(),
  /** Counted operations of each stage that the arm's networks come from. */
  gflop: numbers,
  seconds: numbers,
  /** The digest of each stage's artifact, for `peco artifacts show` and `lineage`. */
  artifacts: z.record(z.string(), z.string()),
});
/** What one arm reached with one seed and one label budget. */
export type StudyRow = z.infer<typeof studyRow>;

/** One call of the command that carried out a part of the study. */
const session = z.strictObject({
  started: z.iso.datetime(),
  seconds: z.number().nonnegative(),
  jobs: z.int().positive(),
  command: z.string(),
  /** Commit of the checkout; null outside of one. `+` at its end: with changes. */
  revision: z.string().nullable(),
  machine: z.record(z.string(), z.json()),
  software: z.record(z.string(), z.json()),
});
/** One call of the command that carried out a part of the study. */
export type StudySession = z.infer<typeof session>;

/** `results.json` of a study: every figure per seed, from which page and statistics are computed anew. */
export const studyResults = z.strictObject({
  format: z.literal(1),
  /** `generated`, or the name of a set of pictures. */
  study: z.string(),
  /** What the pictures are; older results lack it, see {@link kindOf}. */
  kind: studyKind.optional(),
  recipe: z.strictObject({ name: z.string(), sets: z.array(z.string()) }),
  seeds: z.array(z.string()),
  /** The first is the one that everything is measured at. */
  budgets: z.array(budget).min(1),
  arms: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      what: z.string(),
      /** Planned: so many of the seeds, and of the budgets. */ seeds: z.int(),
      budgets: z.int(),
      sets: z.array(z.string()),
    }),
  ),
  /** About the pictures, as far as they were evaluated. */
  pictures: z
    .strictObject({
      classes: z.array(z.string()),
      test: z.int(),
      validation: z.int(),
      /** Always naming the commonest class of the test pictures, for the first seed; */ commonest: z.number(),
      /** the least and the most over the seeds. Older results lack this and the next. */
      commonestOver: z.tuple([z.number(), z.number()]).optional(),
      /** Labelled pictures that probe, neighbours and the tokens' classifiers learned from. */
      probeLabels: z.int().optional(),
    })
    .nullable(),
  sessions: z.array(session),
  rows: z.array(studyRow),
});
/** `results.json` of a study. */
export type StudyResults = z.infer<typeof studyResults>;

/** What the pictures of results are, of older ones by the study's name. */
export function kindOf({ kind, study }: Pick<StudyResults, "kind" | "study">): StudyKind {
  return kind ?? (study === "generated" || study === "emoji" ? study : "folder");
}
