import type { PictureOrigin } from "./combinations.ts";
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
  data: 2,
  "perceptual-network": 2,
  codebook: 2,
  pretrain: 2,
  finetune: 2,
  "finetune-from-scratch": 2,
  evaluate: 2,
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
  /** A file of somebody else's weights that it reads, whose digest is an input of its key; null: none. */
  readonly weights: string | null;
  /** How steps are computed; null for a stage without TensorFlow. */
  readonly runtime: StageRuntime | null;
}

/** How steps are computed, as far as results depend on it, be it in their last bits. */
export type StageRuntime = Omit<Recipe["runtime"], "checkpointSeconds">;

/** What a run has to work with. */
export interface GraphOptions {
  /** Whether there are classes: without them nothing is fine-tuned. */
  readonly labelled: boolean;
  /** Where the pictures come from. */
  readonly source: PictureOrigin;
}

/** Which stages a recipe asks for: one whose result nobody takes is left out. */
function asksFor({ finetune, pretrain, codebook }: Recipe) {
  const pretrained = finetune.start === "pretrained";
  const tokenizer = pretrained && pretrain.target === "tokens";
  const compares = codebook.source === "feature-kmeans" || (codebook.source === "vq" && codebook.loss.perceptual > 0);
  return {
    pretrained,
    tokenizer,
    featuresOfTokenizer: tokenizer && compares,
    perceptualNetwork: finetune.start === "perceptual-network" || (tokenizer && compares),
  };
}

/** The stages of a recipe, each after its inputs. */
export function stageGraph(recipe: Recipe, { labelled, source }: GraphOptions): Stage[] {
  const { image, vit, perceptualNetwork: own } = recipe;
  const { checkpointSeconds: _, ...runtime } = recipe.runtime;
  const stage = (
    name: StageName,
    service: ServiceName,
    inputs: Stage["inputs"],
    own: Stage["recipe"],
    weights: string | null = null,
  ): Stage => ({
    name,
    service,
    version: stageVersions[name],
    recipe: own,
    inputs,
    seeded: true,
    weights,
    runtime,
  });
  const asked = asksFor(recipe);
  const scratch = labelled && recipe.finetune.fromScratchSteps !== 0;
  // files that are packed as they are have whatever size they have
  const sized = recipe.data.form === "decoded" || source === "generated";
  const pictures = {
    ...(sized && { image: { size: image.size } }),
    data: { form: recipe.data.form, [source]: picturesOf(recipe, source) },
  };
  const perceptualNetwork: Stage["inputs"] = { perceptualNetwork: "perceptual-network" };
  const tokenizer: Stage["inputs"] = { tokenizer: "codebook" };
  const pretrained: Stage["inputs"] = { pretrained: "pretrain" };
  const started: Stage["inputs"] = {
    ...(asked.pretrained ? pretrained : {}),
    ...(recipe.finetune.start === "perceptual-network" ? perceptualNetwork : {}),
  };
  const when = (wanted: boolean, make: () => Stage): Stage[] => (wanted ? [make()] : []);
  return [
    { ...stage("data", "masking", {}, pictures), seeded: source === "generated", runtime: null },
    ...when(asked.perceptualNetwork, () => ({
      ...stage(
        "perceptual-network",
        "tokenizer",
        own.source === "moco" ? { data: "data" } : {},
        { image, ...ownPerceptualNetwork(recipe) },
        own.source === "weights" ? own.weights : null,
      ),
      seeded: own.source !== "weights",
    })),
    ...when(asked.tokenizer, () =>
      stage(
        "codebook",
        "tokenizer",
        { data: "data", ...(asked.featuresOfTokenizer ? perceptualNetwork : {}) },
        { image, codebook: withoutPath(recipe.codebook) },
        recipe.codebook.source === "dall-e" ? recipe.codebook.weights : null,
      ),
    ),
    ...when(asked.pretrained, () =>
      stage(
        "pretrain",
        "pretrainer",
        { data: "data", ...(asked.tokenizer ? tokenizer : {}) },
        { image, vit, pretrain: recipe.pretrain },
      ),
    ),
    ...when(labelled, () =>
      stage(
        "finetune",
        "finetuner",
        { data: "data", ...started },
        { image, vit, finetune: fromStart(recipe) },
        recipe.finetune.start === "weights" ? recipe.finetune.weights : null,
      ),
    ),
    ...when(scratch, () =>
      stage("finetune-from-scratch", "finetuner", { data: "data" }, { image, vit, finetune: fromScratch(recipe) }),
    ),
    stage(
      "evaluate",
      "evaluator",
      {
        data: "data",
        ...(asked.perceptualNetwork ? perceptualNetwork : {}),
        ...(asked.tokenizer ? tokenizer : {}),
        ...(asked.pretrained ? pretrained : {}),
        ...(labelled ? { classifier: "finetune" } : {}),
        ...(scratch ? { classifierFromScratch: "finetune-from-scratch" } : {}),
      },
      { image, evaluate: recipe.evaluate, mask: recipe.pretrain.mask },
    ),
  ];
}

/** What the perceptual network depends on: of one that is not trained here, what it is alone. */
function ownPerceptualNetwork({ vit, perceptualNetwork }: Recipe): Stage["recipe"] {
  const { source, preset, weights: _, vit: own, ...training } = perceptualNetwork;
  if (source === "weights") return { perceptualNetwork: { source, preset } };
  return { vit: own ?? vit, perceptualNetwork: source === "moco" ? { source, ...training } : { source } };
}

/** A stage's part of the recipe without the file's path: its contents' digest is in the key instead. */
function withoutPath<T extends { readonly weights: string | null }>({ weights: _, ...own }: T): Omit<T, "weights"> {
  return own;
}

/** What fine-tuning takes of the recipe: how long training from scratch lasts is nothing to it. */
function fromStart({ finetune }: Recipe): Partial<Recipe["finetune"]> {
  const { fromScratchSteps: _, ...own } = withoutPath(finetune);
  return own;
}

/** What a set of pictures follows from. A folder's digest covers the list of labels, wherever that lies. */
function picturesOf({ data }: Recipe, source: GraphOptions["source"]) {
  if (source === "generated") return data.generated;
  const { labelsFile: _, ...folder } = data.folder;
  return folder;
}

/** What training from scratch takes of the recipe: which network fine-tuning starts from is nothing to it. */
function fromScratch({ finetune }: Recipe): Partial<Recipe["finetune"]> {
  const { start: _, weights: _1, positionResize: _2, fromScratchSteps, ...own } = finetune;
  return { ...own, steps: fromScratchSteps ?? own.steps };
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
