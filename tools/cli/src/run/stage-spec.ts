import { digestOf } from "@peco/artifacts";
import { type Recipe, type Stage, stageKeyParts } from "@peco/recipes";
import { parseSpec, type StageSpec } from "@peco/stage";
import type { WeightsFiles } from "./weights-file.ts";

/** What a stage's specification is made of, beside the stage itself. */
export interface SpecOptions {
  readonly recipe: Recipe;
  readonly store: string;
  readonly run: string;
  readonly seed: bigint;
  /** The folder of pictures and the digest of its contents; null for the generated set. */
  readonly folder: { readonly path: string; readonly digest: string } | null;
  /** The files of weights that stages read. */
  readonly weights: WeightsFiles;
  readonly preflight: boolean;
  readonly masking?: { readonly address: string; readonly token: string };
}

/** The specification of a stage, with its key, from the digests of the artifacts that it takes. */
export function specOf(stage: Stage, inputs: Readonly<Record<string, string>>, options: SpecOptions): StageSpec {
  const { folder, preflight } = options;
  const packsFolder = stage.name === "data" && folder !== null;
  const weights = options.weights.get(stage.name) ?? null;
  const digests = {
    ...inputs,
    ...(packsFolder ? { folder: folder.digest } : {}),
    ...(weights === null ? {} : { weights: weights.digest }),
  };
  const parts = {
    ...stageKeyParts(stage, digests, options.seed),
    ...(preflight ? { preflight: true } : {}),
  };
  return parseSpec(
    {
      stage: stage.name,
      key: digestOf(parts),
      parts,
      store: options.store,
      run: options.run,
      recipe: options.recipe,
      seed: options.seed,
      inputs,
      threads: options.recipe.runtime.threads,
      masking: options.masking ?? null,
      preflight,
      folder: packsFolder ? folder.path : null,
      weights: weights?.path ?? null,
    },
    stage.name,
  );
}
