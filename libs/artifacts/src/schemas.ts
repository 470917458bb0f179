import { z } from "zod";

/** The layout that this version writes, and the newest that it reads. */
export const storeFormat = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/, "is no SHA-256 in hexadecimal");
const count = z.int().nonnegative();
const format = z.literal(storeFormat);
const json = z.json();
/** A seed is up to 64 bits wide, more than a JSON number holds: its decimal digits. */
const seed = z.string().regex(/^\d{1,20}$/, "is no seed");
const jsonObject = z.record(z.string(), json);

/** `FORMAT`. The number may be any, so that a newer store is told from a broken one. */
export const formatFile = z.object({ format: z.int().positive() });

/** Bytes in the store, by their SHA-256. */
export const blobRef = z.strictObject({ digest, bytes: count });
/** Bytes in the store. */
export type BlobRef = z.infer<typeof blobRef>;

/** `manifests/<digest>.json`: an artifact, content only. Its canonical JSON's SHA-256 is the artifact's digest. */
export const manifest = z.strictObject({
  format,
  kind: z.string().min(1),
  blobs: z.record(z.string(), blobRef),
  inputs: z.record(z.string(), digest),
  meta: jsonObject,
});
/** An artifact. */
export type Manifest = z.infer<typeof manifest>;

/** `results/<stage key>.json`: what a finished stage gave. `parts` is what the key is the hash of; `record` holds time and place. */
export const stageResult = z.strictObject({
  format,
  key: digest,
  stage: z.string().min(1),
  parts: jsonObject,
  artifact: digest,
  metrics: jsonObject,
  record: jsonObject,
});
/** What a finished stage gave. */
export type StageResult = z.infer<typeof stageResult>;

/** A checkpoint's manifest. */
export const checkpointManifest = z.strictObject({
  format,
  step: count,
  blobs: z.record(z.string(), blobRef),
  meta: jsonObject,
});
/** A checkpoint. */
export type CheckpointManifest = z.infer<typeof checkpointManifest>;

/** The pointer to a stage's checkpoints, newest first. */
export const checkpointPointer = z.strictObject({ format, checkpoints: z.array(digest).min(1).max(2) });

/** A process, told from a later one with the same number. */
export const processIdentity = z.strictObject({
  pid: z.int().positive(),
  /** When it started, in the system's own words. */
  started: z.string(),
  /** Host name, boot and process namespace: process numbers mean something only within one of these. */
  host: z.string(),
});
/** A process, told from a later one with the same number. */
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** Who works on a stage. */
export const leaseFile = z.strictObject({
  format,
  key: digest,
  /** What the holder calls itself, for messages: the run and the stage. */
  owner: z.string(),
  process: processIdentity,
  /** Milliseconds since 1970, by the holder's clock. */
  acquiredMs: z.number(),
  heartbeatMs: z.number(),
});
/** Who works on a stage. */
export type LeaseFile = z.infer<typeof leaseFile>;

const stageState = z.enum(["waiting", "running", "ran", "cached", "failed", "cancelled", "left-out"]);

/** A stage as a run saw it. */
export const runStage = z.strictObject({
  name: z.string(),
  seed,
  state: stageState,
  key: digest.nullable(),
  artifact: digest.nullable(),
  seconds: z.number().nonnegative().nullable(),
  metrics: jsonObject,
});
/** A stage as a run saw it. */
export type RunStage = z.infer<typeof runStage>;

/** What ended a run early. */
export const runFailure = z.strictObject({
  message: z.string(),
  exitCode: z.int(),
  stage: z.string().nullable(),
  path: z.string().nullable(),
  remedy: z.string().nullable(),
});
/** What ended a run early. */
export type RunFailure = z.infer<typeof runFailure>;

/** `runs/<id>/run.json`: one run of the command, with everything that is not content: times, machine, software. */
export const runRecord = z.strictObject({
  format,
  id: z.string().min(1),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  process: processIdentity,
  created: z.iso.datetime(),
  ended: z.iso.datetime().nullable(),
  seconds: z.number().nonnegative().nullable(),
  /** The command line that asked for it. */
  command: z.string().optional(),
  /** The recipe's name, and the recipe itself with all defaults and changes. */
  recipe: z.strictObject({ name: z.string(), resolved: jsonObject }),
  /** The folder of pictures; null for the generated set. */
  data: z.string().nullable(),
  seeds: z.array(seed),
  stages: z.array(runStage),
  failure: runFailure.nullable(),
  machine: jsonObject,
  software: jsonObject,
  /** Warnings and remarks for the report. */
  notes: z.array(z.string()),
});
/** One run of the command. */
export type RunRecord = z.infer<typeof runRecord>;

/** A line of `metrics.jsonl`. */
export const metricsLine = z.looseObject({
  /** When, ISO 8601. */
  time: z.iso.datetime(),
  stage: z.string(),
  seed,
  step: count,
});
/** A line of `metrics.jsonl`. */
export type MetricsLine = z.infer<typeof metricsLine>;
