import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { StageContext } from "@peco/stage";
import { decodeSafetensors, type HostArray } from "tfjs-libtensorflow";

/** Thrown when the file of weights that a stage reads is not there any more, or is not the one that the run was started with. */
export class WeightsChanged extends Error {
  override readonly name = "WeightsChanged";
  readonly exitCode = 65;
  readonly remedy = "Leave the file as it is while a run reads it, and start the command again.";
  readonly path: string;
  constructor(path: string, why: string) {
    super(`the weights in ${path} ${why}`);
    this.path = path;
  }
}

/** A file of somebody else's weights. */
export interface WeightsFile {
  /** SHA-256 of its bytes. */
  readonly digest: string;
  readonly tensors: Readonly<Record<string, HostArray>>;
}

/**
 * Reads the safetensors file of the stage's specification, and checks that it is the one whose digest is in the stage's key.
 *
 * @throws WeightsChanged
 * @throws SafetensorsError
 */
export async function readWeightsFile({ spec }: StageContext): Promise<WeightsFile> {
  const { weights: path, parts } = spec;
  const digest = (parts["inputs"] as Record<string, unknown> | undefined)?.["weights"];
  if (path === null || typeof digest !== "string") throw new TypeError(`${spec.stage} was given no file of weights`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new WeightsChanged(path, `cannot be read any more (${error.code})`);
  });
  if (createHash("sha256").update(bytes).digest("hex") !== digest)
    throw new WeightsChanged(path, "were changed since the run was started");
  return { digest, tensors: decodeSafetensors(bytes).tensors };
}
