import { type ReadValue, valueReader } from "../recipe-values.ts";

/** What a stage does, in lines that a reader can follow without the code, and the file that does it. */
export interface StagePseudocode {
  stage: string;
  file: string;
  lines: string[];
}

/** Pseudocode of the stages of a run, with the numbers of its recipe. */
export function pseudocode(stages: readonly string[], recipe: object): StagePseudocode[] {
  return stages.flatMap((stage) => {
    const found = described[stage];
    return found === undefined ? [] : [{ stage, file: found.file, lines: found.lines(valueReader(recipe)) }];
  });
}

/** A line, where it is so. */
const where = (so: boolean, line: string): string[] => (so ? [line] : []);

const fineTuning = (v: ReadValue, steps = v("finetune.steps")): string[] => [
  `for lr in ${v("finetune.lrs")}, ${v("finetune.repeats")} times each:`,
  `  for ${steps} steps: (x, y) = ${v("finetune.batch")} augmented pictures and labels`,
  `    mixup ${v("finetune.mixup")}, cutmix ${v("finetune.cutmix")}, label smoothing ${v("finetune.smoothing")}`,
  ...where(!["null", "?"].includes(v("finetune.randAugment")), `    RandAugment ${v("finetune.randAugment")}`),
  ...where(Number(v("finetune.erase")) > 0, `    a part replaced by noise with probability ${v("finetune.erase")}`),
  `    minimise cross-entropy(head(norm(mean of patches V(x))), y), AdamW, layer decay ${v("finetune.layerDecay")}`,
  ...where(
    Number(v("finetune.averageDecay")) > 0,
    `    moving average of the weights, decay ${v("finetune.averageDecay")}`,
  ),
  "take the learning rate that is best on validation pictures",
];

const codebookTerms = (v: ReadValue): string[] => [
  `${v("codebook.loss.pixel")} * pixels(x, x')`,
  ...where(
    v("codebook.loss.perceptual") !== "0",
    `${v("codebook.loss.perceptual")} * distance of F's layers ${v("codebook.loss.layers")}`,
  ),
  `${v("codebook.commitment")} * |z - e|^2`,
  ...where(v("codebook.codes") === "gradient", `${v("codebook.codebookWeight")} * |e - z|^2`),
  ...where(
    !["null", "?"].includes(v("codebook.adversarial")),
    `${v("codebook.adversarial.weight")} * adaptive weight * loss against a PatchGAN, from step ${v("codebook.adversarial.startStep")}`,
  ),
];

const described: Readonly<Record<string, { file: string; lines: (value: ReadValue) => string[] }>> = {
  data: {
    file: "services/masking/src/data-stage.ts",
    lines: (v) => [
      `pack the pictures (${v("data.form")}, ${v("image.size")} px); split into training, validation and test`,
    ],
  },
  "perceptual-network": {
    file: "services/tokenizer/src/perceptual-network-step.ts",
    lines: (v) =>
      v("perceptualNetwork.source") !== "moco"
        ? [`F = network from the source ${v("perceptualNetwork.source")} (${v("perceptualNetwork.preset")})`]
        : [
            "F, projector g, predictor h; key network F', g' = F, g",
            `for ${v("perceptualNetwork.steps")} steps: x1, x2 = two views of ${v("perceptualNetwork.batch")} pictures`,
            `  F', g' <- moving average of F, g (momentum ${v("perceptualNetwork.momentum")} to 1 by cosine)`,
            "  q = h(g(F(x))), k = g'(F'(x)) for both views, unit length",
            `  minimise InfoNCE(q1, k2) + InfoNCE(q2, k1), temperature ${v("perceptualNetwork.temperature")}, AdamW`,
          ],
  },
  codebook: {
    file: "services/tokenizer/src/codebook-step.ts",
    lines: (v) =>
      v("codebook.source") !== "vq"
        ? [`tokens from the source ${v("codebook.source")}, ${v("codebook.size")} codes`]
        : [
            `encoder E, decoder D, codes e (${v("codebook.size")} of width ${v("codebook.width")})${v("codebook.kmeansRounds") === "0" ? "" : ", started by k-means of E's latents"}`,
            `for ${v("codebook.steps")} steps: x = ${v("codebook.batch")} augmented pictures`,
            `  z = E(x)${v("codebook.unitLength") === "true" ? ", z and e of length 1" : ""}; each z -> nearest code e; x' = D(e), gradients straight through`,
            `  minimise ${codebookTerms(v).join(" + ")}, AdamW`,
            `  ${v("codebook.codes") === "gradient" ? "codes are learned like weights" : `codes are moving averages of their latents, decay ${v("codebook.decay")}`}${v("codebook.restartBelow") === "0" ? "" : `; codes below ${v("codebook.restartBelow")} of an even use start anew`}`,
          ],
  },
  pretrain: {
    file: "services/pretrainer/src/pretrain-step.ts",
    lines: (v) => [
      `vision transformer V: width ${v("vit.width")}, depth ${v("vit.depth")}, heads ${v("vit.heads")}`,
      `for ${v("pretrain.steps")} steps: x, x2 = two sizes of one window of ${v("pretrain.batch")} pictures`,
      `  mask m: ${v("pretrain.mask.count")} patches, ${v("pretrain.mask.form")}; targets (${v("pretrain.target")}) of the masked patches`,
      "  minimise the loss of V's prediction at masked patches, which V sees as a mask token, AdamW",
    ],
  },
  finetune: {
    file: "services/finetuner/src/finetune-step.ts",
    lines: (v) => [`V starts from: ${v("finetune.start")}`, ...fineTuning(v)],
  },
  "finetune-from-scratch": {
    file: "services/finetuner/src/finetune-step.ts",
    lines: (v) => {
      const own = v("finetune.fromScratchSteps");
      return ["V from fresh weights", ...fineTuning(v, /^\d+$/.test(own) ? own : undefined)];
    },
  },
  evaluate: {
    file: "services/evaluator/src/evaluate.ts",
    lines: () => ["all networks frozen: every figure of the report on the test pictures"],
  },
};
