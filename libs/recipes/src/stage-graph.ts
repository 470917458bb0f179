import { RecipeError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { Recipe } from "./schema.ts";

/** The stages of a run, in the order in which they can run. */
export const stageNames = [
  "data",
  "perceptual-network",
  "codebook",
  "pretrain",
  "finetune",
  "finetune-from-scratch",
  "evaluate",
] as const;
/** A stage's name. */
export type StageName = (typeof stageNames)[number];

/** The service that runs a stage. */
export type ServiceName = "masking" | "tokenizer" | "pretrainer" | "finetuner" | "evaluator";

/** Raised by hand when a stage's numerics change: results of an older version are then not taken for new ones. */
export const stageVersions: Readonly<Record<StageName, number>> = {
  data: 1,
  "perceptual-network": 1,
  codebook: 1,
  pretrain: 1,
  finetune: 1,
  "finetune-from-scratch": 1,
  evaluate: 1,
};

/** A stage with all that its result depends on, except the digests of its inputs and the seed. */
export interface Stage {
  readonly name: StageName;
  readonly service: ServiceName;
  readonly version: number;
  /** Its own part of the recipe, and the facts that it shares. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** By what the stage calls an input: the stage whose artifact it is. */
  readonly inputs: Readonly<Record<string, StageName>>;
  /** Whether anything is drawn. A folder is split by its contents alone, so that all seeds share one `data`. */
  readonly seeded: boolean;
  /** How steps are computed; null for a stage without TensorFlow. */
  readonly runtime: { readonly compiler: string; readonly precision: string; readonly threads: number } | null;
}

/** What a run has to work with. */
export interface GraphOptions {
  /** Whether there are classes: without them nothing is fine-tuned. */
  readonly labelled: boolean;
  /** Where the pictures come from. */
  readonly source: "generated" | "folder";
}

/** The stages of a recipe, each after its inputs. */
export function stageGraph(recipe: Recipe, { labelled, source }: GraphOptions): Stage[] {
  const { image, vit } = recipe;
  const { checkpointSeconds: _, ...runtime } = recipe.runtime;
  const stage = (name: StageName, service: ServiceName, inputs: Stage["inputs"], own: Stage["recipe"]): Stage => ({
    name,
    service,
    version: stageVersions[name],
    recipe: own,
    inputs,
    seeded: true,
    runtime,
  });
  const pictures = { image: { size: image.size }, data: { [source]: recipe.data[source] } };
  const classified: Stage["inputs"] = labelled
    ? { classifier: "finetune", classifierFromScratch: "finetune-from-scratch" }
    : {};
  return [
    { ...stage("data", "masking", {}, pictures), seeded: source === "generated", runtime: null },
    stage(
      "perceptual-network",
      "tokenizer",
      { data: "data" },
      { image, vit, perceptualNetwork: recipe.perceptualNetwork },
    ),
    stage(
      "codebook",
      "tokenizer",
      { data: "data", perceptualNetwork: "perceptual-network" },
      { image, codebook: recipe.codebook },
    ),
    stage("pretrain", "pretrainer", { data: "data", tokenizer: "codebook" }, { image, vit, pretrain: recipe.pretrain }),
    ...(labelled
      ? [
          stage(
            "finetune",
            "finetuner",
            { data: "data", pretrained: "pretrain" },
            { image, vit, finetune: recipe.finetune },
          ),
          stage("finetune-from-scratch", "finetuner", { data: "data" }, { image, vit, finetune: recipe.finetune }),
        ]
      : []),
    stage(
      "evaluate",
      "evaluator",
      {
        data: "data",
        perceptualNetwork: "perceptual-network",
        tokenizer: "codebook",
        pretrained: "pretrain",
        ...classified,
      },
      { image, evaluate: recipe.evaluate, mask: recipe.pretrain.mask },
    ),
  ];
}

/**
 * The stages up to and with one.
 *
 * @throws RecipeError when there is no such stage, with the nearest name
 */
export function until(stages: readonly Stage[], name: string): Stage[] {
  const last = stages.findIndex((stage) => stage.name === name);
  if (last !== -1) return stages.slice(0, last + 1);
  const known = stages.map((stage) => stage.name);
  const near = nearest(name, known);
  throw new RecipeError(
    `there is no stage "${name}"${near === null ? "" : `, did you mean "${near}"?`}`,
    [],
    `The stages of this run are ${known.join(", ")}.`,
  );
}
