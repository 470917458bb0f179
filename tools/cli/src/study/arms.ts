import type { Recipe } from "@peco/recipes";

/** Floating-point operations of the stages that come before fine-tuning, in GFLOP. */
export interface PretrainingFlops {
  readonly perceptualNetwork: number;
  readonly codebook: number;
  readonly pixelCodebook: number;
  readonly pretrain: number;
}

/** One chain of stages of the study, as changes of the base recipe. All else is the base's, the same for all of them. */
export interface StudyRun {
  readonly name: string;
  /** What is carried out first when time is short: 1 before 2, for all seeds. Beyond the first label budget, only 1 keeps its place. */
  readonly phase: 1 | 2 | 3 | 4;
  /** At the first label budget alone, and for the first seeds alone. */
  readonly sensitivity: boolean;
  /** Changes of the base recipe, as for `--set`. */
  readonly sets: (base: Recipe, cell: { flops: PretrainingFlops | null; firstBudget: boolean }) => readonly string[];
  /** Whether `sets` needs to know the FLOPs of the runs of PeCo and of pixel tokens. */
  readonly matchesFlops?: true;
}

/** A way to get a classifier, with the run whose networks it is. */
export interface Arm {
  readonly name: string;
  /** As tables and plots call it. */
  readonly title: string;
  /** What it is, in a sentence. */
  readonly what: string;
  readonly run: string;
  /** Which of a run's classifiers is the arm's. */
  readonly classifier: "pretrained" | "from-scratch";
  /** It is measured at the first label budget alone. */
  readonly firstBudgetOnly?: true;
}

const pixelLoss = ["codebook.loss.perceptual=0", "codebook.loss.pixel=1"];
/** Training from scratch is the same in all runs, so that one carries it out. */
const noScratch = "finetune.fromScratchSteps=0";
const noColour = "data.generated.colourNuisance=false";
/** MoCo v3's own jitter and share of grey pictures; the recipe's turn any hue. */
const weakColour = [
  "perceptualNetwork.views.jitter.brightness=0.4",
  "perceptualNetwork.views.jitter.contrast=0.4",
  "perceptualNetwork.views.jitter.saturation=0.2",
  "perceptualNetwork.views.jitter.hueDegrees=36",
  "perceptualNetwork.views.grey=0.2",
];

const main = { sensitivity: false } as const;
const sensitivity = { sensitivity: true, phase: 4 } as const;

/** The runs of the study, in the order in which they are carried out for a seed. */
export const studyRuns: readonly StudyRun[] = [
  { name: "pixel-tokens", phase: 1, ...main, sets: () => [noScratch, ...pixelLoss] },
  { name: "peco", phase: 1, ...main, sets: () => ["finetune.fromScratchSteps=null"] },
  { name: "untrained-network", phase: 2, ...main, sets: () => [noScratch, "perceptualNetwork.source=untrained"] },
  { name: "masked-pixels", phase: 2, ...main, sets: () => [noScratch, "pretrain.target=pixels"] },
  {
    name: "perceptual-network",
    phase: 2,
    ...main,
    sets: ({ finetune }, { firstBudget }) => [
      "finetune.start=perceptual-network",
      `finetune.fromScratchSteps=${firstBudget ? 4 * finetune.steps : 0}`,
    ],
  },
  {
    name: "feature-kmeans",
    phase: 2,
    ...main,
    sets: () => [noScratch, "codebook.source=feature-kmeans", "codebook.kmeansRounds=50"],
  },
  {
    name: "pixel-tokens-flops",
    phase: 3,
    ...main,
    matchesFlops: true,
    sets: ({ pretrain }, { flops }) => [
      noScratch,
      ...pixelLoss,
      `pretrain.steps=${Math.round(pretrain.steps * (flops === null ? 2.5 : stepsFactor(flops)))}`,
    ],
  },
  { name: "peco-weak-colour", ...sensitivity, sets: () => [noScratch, ...weakColour] },
  { name: "pixel-tokens-no-colour", ...sensitivity, sets: () => [noScratch, noColour, ...pixelLoss] },
  { name: "peco-no-colour", ...sensitivity, sets: () => [noScratch, noColour] },
];

/** How many times the steps of masked modelling bring the pixel tokens to PeCo's FLOPs, its perceptual network and its tokenizer counted. */
function stepsFactor({ perceptualNetwork, codebook, pixelCodebook, pretrain }: PretrainingFlops): number {
  return (perceptualNetwork + codebook + pretrain - pixelCodebook) / pretrain;
}

/** What the study compares, in the order of its tables. */
export const arms: readonly Arm[] = [
  {
    name: "scratch",
    title: "from scratch",
    what: "the classifier alone, from fresh weights, with the steps of fine-tuning",
    run: "peco",
    classifier: "from-scratch",
  },
  {
    name: "scratch-4x",
    title: "from scratch, 4 times the steps",
    what: "the same with four times the steps",
    run: "perceptual-network",
    classifier: "from-scratch",
    firstBudgetOnly: true,
  },
  {
    name: "perceptual-network",
    title: "perceptual network fine-tuned",
    what: "PeCo's perceptual network (MoCo v3) itself, without tokenizer and masked modelling",
    run: "perceptual-network",
    classifier: "pretrained",
  },
  {
    name: "masked-pixels",
    title: "masked pixels",
    what: "masked modelling of the patches' own pixels, each patch normalised, without tokenizer",
    run: "masked-pixels",
    classifier: "pretrained",
  },
  {
    name: "pixel-tokens",
    title: "pixel tokens",
    what: "the same autoencoder trained by the error of its pixels alone",
    run: "pixel-tokens",
    classifier: "pretrained",
  },
  {
    name: "pixel-tokens-flops",
    title: "pixel tokens, PeCo's FLOPs",
    what: "pixel tokens with as many more steps of masked modelling as PeCo's perceptual network and dearer tokenizer cost",
    run: "pixel-tokens-flops",
    classifier: "pretrained",
  },
  {
    name: "untrained-network",
    title: "PeCo, untrained network",
    what: "PeCo whose perceptual network has fresh weights (control)",
    run: "untrained-network",
    classifier: "pretrained",
  },
  {
    name: "feature-kmeans",
    title: "k-means of features",
    what: "tokens by k-means of the perceptual network's features, without an autoencoder",
    run: "feature-kmeans",
    classifier: "pretrained",
  },
  {
    name: "peco",
    title: "PeCo",
    what: "perceptual tokens: the autoencoder is trained by the perceptual network's features",
    run: "peco",
    classifier: "pretrained",
  },
  {
    name: "peco-weak-colour",
    title: "PeCo, weak colour",
    what: "PeCo whose perceptual network was trained with MoCo v3's own, weaker changes of colour",
    run: "peco-weak-colour",
    classifier: "pretrained",
  },
  {
    name: "pixel-tokens-no-colour",
    title: "pixel tokens, no colour",
    what: "pixel tokens on pictures that all share one chroma",
    run: "pixel-tokens-no-colour",
    classifier: "pretrained",
  },
  {
    name: "peco-no-colour",
    title: "PeCo, no colour",
    what: "PeCo on pictures that all share one chroma",
    run: "peco-no-colour",
    classifier: "pretrained",
  },
];
