import { z } from "zod";

/** What a picture is for. */
export const splitName = z.enum(["train", "validation", "test"]);
export type Split = z.infer<typeof splitName>;

const packedPicture = z.strictObject({
  /** Path inside the folder of pictures, with `/` between its parts. */
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

/** `index.json` of a `data` artifact: what the bytes of `pictures.u8`, `uint8 [n, side, side, 3]`, are. */
export const packIndex = z
  .strictObject({
    format: z.literal(1),
    /** Height and width of each picture. */
    side: z.int().positive(),
    /** Names of the classes; empty where the set has none. */
    classes: z.array(z.string()),
    pictures: z.array(packedPicture),
    skipped: z.array(skippedFile),
    copies: z.strictObject({
      /** Files that have the same bytes as an earlier one. */
      files: z.int().nonnegative(),
      /** Of these, files whose copy is on the other side of a split that the folder itself prescribes. */
      acrossSplits: z.int().nonnegative(),
      /** Of these, files whose copy has another class. */
      acrossClasses: z.int().nonnegative(),
    }),
  })
  .refine((index) => index.pictures.every(({ label }) => (label ?? -1) < index.classes.length), "a label has no class");

/** The parsed `index.json` of a pack. */
export type PackIndex = z.infer<typeof packIndex>;

/** Bytes of one picture of a pack whose pictures are `side` high and wide. */
export const pictureBytes = (side: number): number => side * side * 3;
