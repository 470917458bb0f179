import { microBatchRules } from "./combinations/micro-batches.ts";
import { perceptualLayers, perceptualNetworkRules } from "./combinations/perceptual-network.ts";
import { type Rule, says } from "./combinations/rule.ts";
import { shapeRules } from "./combinations/vision-transformer.ts";
import type { Recipe } from "./schema.ts";
import { usesTokenizer } from "./uses-tokenizer.ts";

/** Where the pictures of a run come from: drawn, or the user's. */
export type PictureOrigin = "generated" | "folder";

const grid = ({ image }: Recipe): number => image.size / image.patch;

/** Pixels for which the tokenizer makes one token. */
function tokenPixels({ codebook, image }: Recipe): number {
  if (codebook.source === "dall-e") return 8;
  return codebook.source === "vq" ? 2 ** codebook.channels.length : image.patch;
}

/** The same rules, which say nothing where no tokens are predicted, so that there is no tokenizer. */
function whereTokensAre(rules: readonly Rule[]): Rule[] {
  return rules.map(({ paths, problem }) => ({
    paths: [...paths, "pretrain.target", "finetune.start"],
    problem: (r) => (usesTokenizer(r) ? problem(r) : null),
  }));
}

/** What the tokenizer's sizes have to do with the grid of patches, with each other, and with the perceptual network's depth. */
const tokenizerRules: readonly Rule[] = [
  {
    paths: ["codebook.channels", "codebook.source", "codebook.pictureSize", "image.patch"],
    problem: (r) => {
      const step = tokenPixels(r);
      const size = grid(r) * step;
      return says(
        step !== r.image.patch && r.codebook.pictureSize === null,
        `a token stands for ${step} pixels, but a patch has ${r.image.patch}: tokens and masks share a grid only where the tokenizer sees ${size} pixels, which codebook.pictureSize=${size} would say`,
      );
    },
  },
  {
    paths: ["codebook.pictureSize", "codebook.channels", "codebook.source", "image.patch"],
    problem: (r) => {
      const { pictureSize, source } = r.codebook;
      return says(
        source !== "feature-kmeans" && pictureSize !== null && pictureSize % tokenPixels(r) !== 0,
        `${pictureSize} pixels are not divisible by the ${tokenPixels(r)} of a token`,
      );
    },
  },
  {
    paths: [
      "codebook.size",
      "codebook.source",
      "codebook.batch",
      "codebook.pictureSize",
      "codebook.channels",
      "codebook.restartBelow",
      "image.size",
    ],
    problem: (r) => {
      const { source, size, batch, pictureSize, channels, restartBelow } = r.codebook;
      const vectors = batch * ((pictureSize ?? r.image.size) / 2 ** channels.length) ** 2;
      return says(
        source === "vq" && restartBelow > 0 && size > vectors,
        `dead codes start anew at vectors of a batch, which has ${vectors} and not ${size}`,
      );
    },
  },
  {
    paths: ["codebook.loss.layers", "vit.depth", "perceptualNetwork"],
    problem: (r) => {
      const depth = perceptualLayers(r);
      const beyond = r.codebook.loss.layers.filter((layer) => layer > depth);
      return says(beyond.length > 0, `${beyond.join(", ")} lies beyond the ${depth} blocks of the perceptual network`);
    },
  },
];

/** What blocks of masked patches have to do with the grid; single patches have no blocks. */
const blockRules: readonly Rule[] = [
  {
    paths: ["pretrain.mask.minBlock", "pretrain.mask.count", "pretrain.mask.form"],
    problem: ({ pretrain: { mask } }) =>
      says(
        mask.form !== "random" && mask.minBlock > mask.count,
        `a block of at least ${mask.minBlock} patches does not fit into ${mask.count} masked ones`,
      ),
  },
  {
    paths: ["pretrain.mask.minBlock", "image.size", "image.patch", "pretrain.mask.form"],
    problem: (r) =>
      says(
        r.pretrain.mask.form !== "random" && r.pretrain.mask.minBlock >= (grid(r) - 0.5) ** 2,
        `no block of ${r.pretrain.mask.minBlock} patches is smaller than the grid of ${grid(r)}x${grid(r)} both ways`,
      ),
  },
];

const rules: readonly Rule[] = [
  {
    paths: ["image.patch", "image.size"],
    problem: (r) =>
      says(
        r.image.size % r.image.patch !== 0,
        `${r.image.size} pixels are not divisible by a patch of ${r.image.patch}`,
      ),
  },
  ...whereTokensAre(tokenizerRules),
  ...shapeRules("vit", (r) => r.vit),
  ...shapeRules("perceptualNetwork.vit", (r) => r.perceptualNetwork.vit),
  ...perceptualNetworkRules,
  {
    paths: ["pretrain.mask.count", "image.size", "image.patch"],
    problem: (r) =>
      says(
        r.pretrain.mask.count >= grid(r) ** 2,
        `${r.pretrain.mask.count} of ${grid(r)}x${grid(r)} patches leave nothing to predict from`,
      ),
  },
  ...blockRules,
  {
    paths: ["codebook.loss.layers"],
    problem: (r) =>
      says(new Set(r.codebook.loss.layers).size !== r.codebook.loss.layers.length, "a layer is named twice"),
  },
  {
    paths: ["codebook.loss.perceptual", "codebook.loss.pixel"],
    problem: (r) =>
      says(
        r.codebook.loss.perceptual + r.codebook.loss.pixel === 0,
        "it and codebook.loss.pixel are 0: nothing is left to learn from",
      ),
  },
  {
    paths: ["codebook.size", "codebook.source"],
    problem: ({ codebook: { source, size } }) =>
      says(source === "dall-e" && size !== 8192, `DALL-E's encoder has 8192 codes and not ${size}`),
  },
  {
    paths: ["codebook.residualBlocks", "codebook.blocks"],
    problem: ({ codebook: { blocks, residualBlocks } }) =>
      says(blocks === "vqgan" && residualBlocks === 0, "VQGAN's blocks change the channels: at least 1 is needed"),
  },
  {
    paths: ["codebook.attention", "codebook.blocks"],
    problem: ({ codebook: { blocks, attention } }) =>
      says(attention && blocks === "plain", "plain blocks have no attention: codebook.blocks has to be vqgan"),
  },
  {
    paths: ["codebook.smoothing", "codebook.codes", "codebook.unitLength"],
    problem: ({ codebook: { smoothing, codes, unitLength } }) =>
      says(
        smoothing > 0 && (codes === "gradient" || unitLength),
        "only codes that are sums over counts are smoothed, which learned codes and codes of length 1 are not: 0",
      ),
  },
  {
    paths: ["codebook.microBatch", "codebook.loss.balance"],
    problem: ({ codebook: { microBatch, loss } }) =>
      says(
        microBatch !== null && loss.balance === "first-step" && loss.perceptual > 0,
        "the balance is a ratio of the whole first batch's losses, which its first part does not know",
      ),
  },
  {
    paths: ["codebook.loss.layerWeights"],
    problem: ({ codebook: { loss } }) =>
      says(
        loss.layerWeights?.every((weight) => weight === 0) === true,
        "all layers weigh nothing: codebook.loss.perceptual=0 leaves the perceptual loss out",
      ),
  },
  {
    paths: ["codebook.loss.layerWeights", "codebook.loss.layers"],
    problem: ({ codebook: { loss } }) =>
      says(
        loss.layerWeights !== null && loss.layerWeights.length !== loss.layers.length,
        `${loss.layerWeights?.length} weights for ${loss.layers.length} layers`,
      ),
  },
  ...microBatchRules,
  {
    paths: ["codebook.weights", "codebook.source"],
    problem: ({ codebook: { source, weights } }) =>
      source === "dall-e"
        ? says(weights === null, "names the file with DALL-E's encoder, which the source dall-e needs")
        : says(weights !== null, `codebook.source is ${source}, so that no weights would be read`),
  },
  {
    paths: ["finetune.weights", "finetune.start"],
    problem: ({ finetune: { start, weights } }) =>
      start === "weights"
        ? says(weights === null, "names the file with the network, which the start weights needs")
        : says(weights !== null, `finetune.start is ${start}, so that no weights would be read`),
  },
  {
    paths: ["finetune.pictureSize", "image.patch"],
    problem: ({ finetune: { pictureSize }, image: { patch } }) =>
      says(
        pictureSize !== null && pictureSize % patch !== 0,
        `${pictureSize} pixels are not divisible by a patch of ${patch}`,
      ),
  },
  {
    paths: ["finetune.pictureSize", "image.size", "data.form"],
    problem: ({ finetune: { pictureSize }, image: { size }, data: { form } }) =>
      says(
        pictureSize !== null && pictureSize !== size && form === "decoded",
        `the pictures are packed at ${size} pixels: another size needs data.form encoded`,
      ),
  },
  {
    paths: ["finetune.labels", "finetune.batch"],
    problem: ({ finetune: { labels, batch } }) =>
      says(labels !== null && batch > labels, `a batch of ${batch} needs more than ${labels} labelled pictures`),
  },
  {
    paths: ["finetune.lrs"],
    problem: (r) => says(new Set(r.finetune.lrs).size !== r.finetune.lrs.length, "a learning rate is named twice"),
  },
  {
    paths: ["data.folder.labelledShare", "data.folder.labelsFile"],
    problem: ({ data: { folder } }) =>
      says(
        folder.labelsFile !== null && folder.labelledShare < 1,
        "data.folder.labelsFile already says which labels are used: one of the two has to be left out",
      ),
  },
];

/** What the number of generated pictures allows; a folder has as many as it has. */
const generatedRules: readonly Rule[] = [
  {
    paths: ["data.generated.labelled", "data.generated.train"],
    problem: ({ data: { generated } }) =>
      says(
        generated.labelled > generated.train,
        `${generated.labelled} labelled pictures cannot be among ${generated.train}`,
      ),
  },
  {
    paths: ["evaluate.pictures", "data.generated.test"],
    problem: (r) =>
      says(
        r.evaluate.pictures > r.data.generated.test,
        `there are only ${r.data.generated.test} test pictures to show`,
      ),
  },
  ...(["perceptualNetwork", "codebook", "pretrain"] as const).map(
    (stage): Rule => ({
      paths: [`${stage}.batch`, "data.generated.train"],
      problem: (r) =>
        says(
          r[stage].batch > r.data.generated.train,
          `a batch of ${r[stage].batch} needs more than the ${r.data.generated.train} pictures there are`,
        ),
    }),
  ),
  {
    paths: ["finetune.batch", "data.generated.labelled"],
    problem: (r) =>
      says(
        r.finetune.batch > r.data.generated.labelled,
        `a batch of ${r.finetune.batch} needs more than the ${r.data.generated.labelled} labelled pictures there are`,
      ),
  },
];

/** Whether one path is the other or lies within it. */
function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`) || a === "" || b === "";
}

/**
 * What is impossible about values that are each fine alone.
 *
 * @param recipe need not be whole: rules that read a path in `invalid` are left out
 * @param invalid paths of values that are missing or of a wrong type
 * @param source where the pictures come from; null: not known, and nothing is said about their number
 */
export function combinationProblems(
  recipe: unknown,
  invalid: readonly string[],
  source: PictureOrigin | null,
): { path: string; reason: string }[] {
  return [...rules, ...(source === "generated" ? generatedRules : [])]
    .filter(({ paths }) => !paths.some((path) => invalid.some((bad) => overlap(path, bad))))
    .flatMap(({ paths, problem }) => {
      // its own paths are valid, and it reads no others
      const reason = problem(recipe as Recipe);
      return reason === null ? [] : [{ path: paths[0], reason }];
    });
}
