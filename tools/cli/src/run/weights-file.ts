import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Stage, StageName } from "@peco/recipes";

/** A file of somebody else's weights, identified by its bytes. */
export interface WeightsFile {
  /** Absolute. */
  readonly path: string;
  /** SHA-256. */
  readonly digest: string;
}

/** The files that the stages of a run read, by stage. */
export type WeightsFiles = ReadonlyMap<StageName, WeightsFile>;

/** Thrown when a file of weights that the recipe names is not there, is no file or may not be read. */
export class WeightsFileUnusable extends Error {
  override readonly name = "WeightsFileUnusable";
  readonly exitCode = 65;
  readonly path: string;
  readonly remedy =
    "Give the file's path in the recipe or with --set; a relative one is looked for in the current folder. docs/weights.md says where such files come from.";
  constructor(stage: string, path: string, why: string) {
    super(`the weights that ${stage} reads: ${path} ${why}`);
    this.path = path;
  }
}

/**
 * Finds and hashes the files of weights that stages read, before anything is started.
 *
 * @throws WeightsFileUnusable
 */
export async function identifyWeights(stages: readonly Stage[]): Promise<WeightsFiles> {
  const found = new Map<StageName, WeightsFile>();
  for (const { name, weights } of stages) {
    if (weights !== null) found.set(name, await identify(name, resolve(weights)));
  }
  return found;
}

async function identify(stage: StageName, path: string): Promise<WeightsFile> {
  try {
    if (!(await stat(path)).isFile()) throw new WeightsFileUnusable(stage, path, "is no file");
    const hash = createHash("sha256");
    await pipeline(createReadStream(path, { highWaterMark: 2 ** 22 }), hash);
    return { path, digest: hash.digest("hex") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new WeightsFileUnusable(stage, path, code === "ENOENT" ? "is not there" : `cannot be read (${code})`);
  }
}
