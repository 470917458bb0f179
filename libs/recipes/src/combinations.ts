import type { Recipe } from "./schema.ts";

/** A rule about values that are each fine alone. */
interface Rule {
  /** The values it reads; the first is where the problem is shown. */
  readonly paths: readonly [string, ...string[]];
  /** What is wrong, or null. */
  readonly problem: (recipe: Recipe) => string | null;
}

const grid = ({ image }: Recipe): number => image.size / image.patch;
const says = (wrong: boolean, problem: string): string | null => (wrong ? problem : null);
const mixed = (r: Recipe): boolean => r.finetune.mixup > 0 || r.finetune.cutmix > 0;

const rules: readonly Rule[] = [
  {
    paths: ["image.patch", "image.size"],
    problem: (r) =>
      says(
        r.image.size % r.image.patch !== 0,
        `${r.image.size} pixels are not divisible by a patch of ${r.image.patch}`,
      ),
  },
  {
    paths: ["codebook.channels", "image.patch"],
    problem: (r) => {
      const step = 2 ** r.codebook.channels.length;
      const tokens = `${r.codebook.channels.length} stride-2 convolutions make one token of ${step} pixels`;
      return says(
        step !== r.image.patch,
        `${tokens}, but a patch has ${r.image.patch}: tokens and masks would not share a grid`,
      );
    },
  },
  {
    paths: ["vit.heads", "vit.width"],
    problem: (r) =>
      says(r.vit.width % r.vit.heads !== 0, `a width of ${r.vit.width} is not divisible by ${r.vit.heads} heads`),
  },
  {
    paths: ["vit.width", "vit.positions"],
    problem: (r) =>
      says(
        r.vit.positions === "sincos" && r.vit.width % 4 !== 0,
        `${r.vit.width} is not divisible by 4, which sincos positions need`,
      ),
  },
  {
    paths: ["vit.mlpRatio", "vit.width"],
    problem: (r) =>
      says(
        !Number.isInteger(r.vit.mlpRatio * r.vit.width),
        `${r.vit.mlpRatio} times the width of ${r.vit.width} is no whole number`,
      ),
  },
  {
    paths: ["pretrain.mask.count", "image.size", "image.patch"],
    problem: (r) =>
      says(
        r.pretrain.mask.count >= grid(r) ** 2,
        `${r.pretrain.mask.count} of ${grid(r)}x${grid(r)} patches leave nothing to predict from`,
      ),
  },
  {
    paths: ["pretrain.mask.minBlock", "pretrain.mask.count"],
    problem: (r) =>
      says(
        r.pretrain.mask.minBlock > r.pretrain.mask.count,
        `a block of at least ${r.pretrain.mask.minBlock} patches does not fit into ${r.pretrain.mask.count} masked ones`,
      ),
  },
  {
    paths: ["pretrain.mask.minBlock", "image.size", "image.patch"],
    problem: (r) =>
      says(
        r.pretrain.mask.minBlock >= (grid(r) - 0.5) ** 2,
        `no block of ${r.pretrain.mask.minBlock} patches is smaller than the grid of ${grid(r)}x${grid(r)} both ways`,
      ),
  },
  {
    paths: ["codebook.loss.layers", "vit.depth"],
    problem: (r) => {
      const beyond = r.codebook.loss.layers.filter((layer) => layer > r.vit.depth);
      return says(
        beyond.length > 0,
        `${beyond.join(", ")} lies beyond the ${r.vit.depth} blocks of the perceptual network`,
      );
    },
  },
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
    paths: ["codebook.size", "codebook.batch", "image.size", "image.patch"],
    problem: (r) => {
      const vectors = r.codebook.batch * grid(r) ** 2;
      return says(
        r.codebook.size > vectors,
        `the codes start from the first batch, which has ${vectors} vectors and not ${r.codebook.size}`,
      );
    },
  },
  {
    paths: ["finetune.batch", "finetune.mixup", "finetune.cutmix"],
    problem: (r) =>
      says(mixed(r) && r.finetune.batch % 2 !== 0, `mixup and cutmix pair pictures, and ${r.finetune.batch} is odd`),
  },
  {
    paths: ["finetune.lrs"],
    problem: (r) => says(new Set(r.finetune.lrs).size !== r.finetune.lrs.length, "a learning rate is named twice"),
  },
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
 */
export function combinationProblems(recipe: unknown, invalid: readonly string[]): { path: string; reason: string }[] {
  return rules
    .filter(({ paths }) => !paths.some((path) => invalid.some((bad) => overlap(path, bad))))
    .flatMap(({ paths, problem }) => {
      // its own paths are valid, and it reads no others
      const reason = problem(recipe as Recipe);
      return reason === null ? [] : [{ path: paths[0], reason }];
    });
}
