import type { PictureOrigin } from "./combinations.ts";
import { RecipeError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { Recipe } from "./schema.ts";
import { usesTokenizer } from "./uses-tokenizer.ts";

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
  codebook: 3,
  pretrain: 2,
  finetune: 3,
  "finetune-from-scratch": 3,
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
  const tokenizer = usesTokenizer({ finetune, pretrain });
  const compares = codebook.source === "feature-kmeans" || (codebook.source === "vq" && codebook.loss.perceptual > 0);
  return {
    pretrained,
    tokenizer,
    featuresOfTokenizer: tokenizer && compares,
    perceptualNetwork: finetune.start === "perceptual-network" || (tokenizer && compares),
  };
}

/** The inputs by which stages call each other's artifacts. */
const given = {
  data: { data: "data" },
  perceptualNetwork: { perceptualNetwork: "perceptual-network" },
  tokenizer: { tokenizer: "codebook" },
  pretrained: { pretrained: "pretrain" },
  classifier: { classifier: "finetune" },
  classifierFromScratch: { classifierFromScratch: "finetune-from-scratch" },
} as const satisfies Record<string, Stage["inputs"]>;

/** Some inputs, those that are wanted. */
function inputs(wanted: Partial<Record<keyof typeof given, boolean>>): Stage["inputs"] {
  const names = (Object.keys(wanted) as (keyof typeof given)[]).filter((name) => wanted[name]);
  return Object.assign({}, ...names.map((name) => given[name]));
}

/** The stages of a recipe, each after its inputs. */
export function stageGraph(recipe: Recipe, { labelled, source }: GraphOptions): Stage[] {
  const asked = asksFor(recipe);
  const scratch = labelled && recipe.finetune.fromScratchSteps !== 0;
  return [
    dataStage(recipe, source),
    ...(asked.perceptualNetwork ? [perceptualNetworkStage(recipe)] : []),
    ...(asked.tokenizer ? [codebookStage(recipe, asked.featuresOfTokenizer)] : []),
    ...(asked.pretrained ? [pretrainStage(recipe, asked.tokenizer)] : []),
    ...(labelled ? [finetuneStage(recipe)] : []),
    ...(scratch ? [fromScratchStage(recipe)] : []),
    evaluateStage(recipe, { ...asked, classifier: labelled, classifierFromScratch: scratch }),
  ];
}

/** A stage that draws and trains, without inputs and without weights of somebody else's. */
function stage(recipe: Recipe, name: StageName, service: ServiceName): Omit<Stage, "recipe"> {
  const { checkpointSeconds: _, ...runtime } = recipe.runtime;
  return { name, service, version: stageVersions[name], inputs: {}, seeded: true, weights: null, runtime };
}

function dataStage(recipe: Recipe, source: GraphOptions["source"]): Stage {
  // files that are packed as they are have whatever size they have
  const sized = recipe.data.form === "decoded" || source === "generated";
  const own = {
    ...(sized && { image: { size: recipe.image.size } }),
    data: { form: recipe.data.form, [source]: picturesOf(recipe, source) },
  };
  return { ...stage(recipe, "data", "masking"), recipe: own, seeded: source === "generated", runtime: null };
}

function perceptualNetworkStage(recipe: Recipe): Stage {
  const { source, weights } = recipe.perceptualNetwork;
  return {
    ...stage(recipe, "perceptual-network", "tokenizer"),
    inputs: inputs({ data: source === "moco" }),
    recipe: { image: recipe.image, ...ownPerceptualNetwork(recipe) },
    weights: source === "weights" ? weights : null,
    seeded: source !== "weights",
  };
}

function codebookStage(recipe: Recipe, compares: boolean): Stage {
  const { image, codebook } = recipe;
  return {
    ...stage(recipe, "codebook", "tokenizer"),
    inputs: inputs({ data: true, perceptualNetwork: compares }),
    recipe: { image, codebook: withoutPath(codebook) },
    weights: codebook.source === "dall-e" ? codebook.weights : null,
  };
}

function pretrainStage(recipe: Recipe, tokenizer: boolean): Stage {
  const { image, vit, pretrain } = recipe;
  return {
    ...stage(recipe, "pretrain", "pretrainer"),
    inputs: inputs({ data: true, tokenizer }),
    recipe: { image, vit, pretrain },
  };
}

function finetuneStage(recipe: Recipe): Stage {
  const { image, vit, finetune } = recipe;
  const { start, weights } = finetune;
  return {
    ...stage(recipe, "finetune", "finetuner"),
    inputs: inputs({
      data: true,
      pretrained: start === "pretrained",
      perceptualNetwork: start === "perceptual-network",
    }),
    recipe: { image, vit, finetune: fromStart(recipe) },
    weights: start === "weights" ? weights : null,
  };
}

function fromScratchStage(recipe: Recipe): Stage {
  const { image, vit } = recipe;
  return {
    ...stage(recipe, "finetune-from-scratch", "finetuner"),
    inputs: inputs({ data: true }),
    recipe: { image, vit, finetune: fromScratch(recipe) },
  };
}

function evaluateStage(
  recipe: Recipe,
  {
    perceptualNetwork,
    tokenizer,
    pretrained,
    classifier,
    classifierFromScratch,
  }: Record<keyof ReturnType<typeof asksFor> | "classifier" | "classifierFromScratch", boolean>,
): Stage {
  const { image, vit, evaluate, pretrain, finetune } = recipe;
  const imported = finetune.start === "weights";
  return {
    ...stage(recipe, "evaluate", "evaluator"),
    inputs: inputs({ data: true, perceptualNetwork, tokenizer, pretrained, classifier, classifierFromScratch }),
    recipe: {
      image,
      evaluate,
      mask: pretrain.mask,
      // how the network of a file is read; any other comes as an artifact, which knows its shape
      ...(imported && { vit, finetune: { positionResize: finetune.positionResize } }),
    },
    weights: imported ? finetune.weights : null,
  };
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
