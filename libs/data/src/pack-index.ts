import { z } from "zod";
import { sourceKinds } from "./found-file.ts";

/** What a picture is for. */
export const splitName = z.enum(["train", "validation", "test"]);
/** What a picture is for. */
export type Split = z.infer<typeof splitName>;

const packedPicture = z.strictObject({
  /** Path inside the folder of pictures, with `/` between its parts; inside a tar file, the tar's path, `/` and the member's. */
  name: z.string(),
  /** SHA-256 of the file's bytes, 64 hexadecimal digits. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Number of its class; null where the set has no classes. */
  label: z.int().nonnegative().nullable(),
  split: splitName,
  /** Whether fine-tuning may use its label. */
  labelled: z.boolean(),
});

/** One picture of a pack; its place in the list is its place in `pictures.u8`. */
export type PackedPicture = z.infer<typeof packedPicture>;

const skippedFile = z.strictObject({ name: z.string(), reason: z.string() });

/** A file that was left out, and why, in plain English. */
export type SkippedFile = z.infer<typeof skippedFile>;

const splitDefinition = z.strictObject({
  /** `generated`: as it was drawn; `folders`: all of it prescribed by the source; `content-hash`: all of it ours; `both`: a part of each. */
  kind: z.enum(["generated", "folders", "content-hash", "both"]),
  /** In plain English, with the shares. */
  text: z.string(),
});

/** How pictures came to be for training, validation or test, for reports to quote. */
export type SplitDefinition = z.infer<typeof splitDefinition>;

const common = {
  format: z.literal(1),
  /** Names of the classes; empty where the set has none. */
  classes: z.array(z.string()),
  skipped: z.array(skippedFile),
  copies: z.strictObject({
    /** Files that have the same bytes as an earlier one. */
    files: z.int().nonnegative(),
    /** Of these, files whose copy is on the other side of a split that the folder itself prescribes. */
    acrossSplits: z.int().nonnegative(),
    /** Of these, files whose copy has another class. */
    acrossClasses: z.int().nonnegative(),
  }),
  /** What the pictures came from, in words. */
  source: z.enum(["generated pictures", ...sourceKinds]).optional(),
  split: splitDefinition.optional(),
};

const decodedIndex = z
  .strictObject({
    ...common,
    /** Height and width of each picture. */
    side: z.int().positive(),
    pictures: z.array(packedPicture),
  })
  .refine((index) => index.pictures.every(({ label }) => (label ?? -1) < index.classes.length), "a label has no class");

const splitCounts = {
  train: z.int().nonnegative(),
  validation: z.int().nonnegative(),
  test: z.int().nonnegative(),
  /** Of the training pictures, those whose label may be used. */
  labelled: z.int().nonnegative(),
};

/** Pictures by split, and of those for training the ones whose label may be used. */
export type SplitCounts = z.infer<z.ZodObject<typeof splitCounts>>;

const encodedIndex = z.strictObject({
  ...common,
  form: z.literal("encoded"),
  /** Number of pictures, which `pictures.table` describes. */
  count: z.int().nonnegative(),
  /** Counts of the table, for readers who want no more: of all pictures, and of each class. */
  counts: z.strictObject(splitCounts),
  classCounts: z.array(z.strictObject(splitCounts)),
  /** `pictures-00000.bin` and so on: picture files one after the other. */
  shards: z.array(z.strictObject({ bytes: z.int().nonnegative() })),
});

/**
 * `index.json` of a `data` artifact. Decoded: what the bytes of `pictures.u8`, `uint8 [n, side, side, 3]`, are. Encoded: what lies beside
 * the table of pictures, which is too long for JSON.
 */
export const packIndex = z.union([decodedIndex, encodedIndex]);

/** The parsed `index.json` of a pack. */
export type PackIndex = z.infer<typeof packIndex>;
/** That of a pack of pixels. */
export type DecodedIndex = z.infer<typeof decodedIndex>;
/** That of a pack of picture files. */
export type EncodedIndex = z.infer<typeof encodedIndex>;

/** Name of the blob of a shard's bytes. */
export const shardName = (shard: number): string => `pictures-${String(shard).padStart(5, "0")}.bin`;

/** Bytes of one picture of a pack whose pictures are `side` high and wide. */
export const pictureBytes = (side: number): number => side * side * 3;
