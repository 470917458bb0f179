import { digestOf, isDigest } from "@peco/artifacts";
import { z } from "zod";
import { SpecError } from "./errors.ts";

const digest = z.string().refine(isDigest, "is no SHA-256 in hexadecimal");
const uint64 = z
  .union([z.bigint(), z.string().regex(/^\d+$/, "is no whole number").transform(BigInt), z.int().transform(BigInt)])
  .refine((n) => n >= 0n && n < 2n ** 64n, "has to be from 0 to 2^64 - 1");

/** One stage to run, as in `peco/stage/v1/stage.proto` and in the file of `run --spec FILE`. */
export const stageSpec = z
  .strictObject({
    stage: z.string().min(1),
    /** SHA-256 of the canonical JSON of `parts`. */
    key: digest,
    /** What the key is the hash of: see `stageKeyParts` of @peco/recipes. A preflight has `preflight: true` in it, too. */
    parts: z.record(z.string(), z.json()),
    /** Folder of the artifact store. */
    store: z.string().min(1),
    /** The run that this is done for. */
    run: z.string().min(1),
    /** The whole recipe. */
    recipe: z.record(z.string(), z.json()),
    /** In JSON as decimal digits, since it may have more bits than a JSON number. */
    seed: uint64,
    /** Artifact digests by input name, such as `data` and `tokenizer`. */
    inputs: z.record(z.string(), digest),
    threads: z.int().positive(),
    /** The masking service that serves batches; null: the stage makes them itself. */
    masking: z.strictObject({ address: z.string().min(1), token: z.string() }).nullable(),
    /** One step, one checkpoint, one picture, to find out early what would fail late. */
    preflight: z.boolean(),
    /** The folder of pictures that the `data` stage packs; null: the generated set. */
    folder: z.string().min(1).nullable(),
    /** The file of somebody else's weights that the stage reads, whose digest is `parts.inputs.weights`; null: none. */
    weights: z.string().min(1).nullable().default(null),
  })
  .refine((spec) => digestOf(spec.parts) === spec.key, { path: ["key"], message: "is not the digest of parts" })
  .refine((spec) => (spec.parts["preflight"] === true) === spec.preflight, {
    path: ["preflight"],
    message: "is not what parts say: a preflight's result must not be taken for a real one",
  });

/** One stage to run. */
export type StageSpec = z.infer<typeof stageSpec>;

/**
 * Checks a specification that came from outside.
 *
 * @param from where it came from, for the message
 * @throws SpecError
 */
export function parseSpec(value: unknown, from: string): StageSpec {
  const parsed = stageSpec.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SpecError(from, issue?.path.join(".") ?? "", issue?.message ?? "is no stage specification");
}
