import { accuracies, type ClassCounts, countClasses, mean, mergeCounts } from "@peco/metrics";
import type { Arm } from "@peco/report/evaluation";
import { frozenStep } from "@peco/training";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { classifierOf, type FinetunedArm, type FinetunedNetwork } from "./inputs.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";
import { logitsOf } from "./steps.ts";

type Network = Arm["networks"][number];
type Accuracies = Arm["mean"];
/** What accuracies are of. */
const TEST = { split: "test" } as const;

/** Evaluates the networks of an arm's best learning rate on the test split; validation has chosen, and test chooses nothing. */
export async function evaluateArm(
  pass: Pass,
  { name, start }: Pick<Arm, "name" | "start">,
  arm: FinetunedArm,
): Promise<Arm> {
  const networks: Network[] = [];
  const counts: ClassCounts[] = [];
  for (const network of arm.networks.filter(({ lr }) => lr === arm.lr)) {
    const { figures, counted } = await evaluateNetwork(pass, name, arm, network);
    networks.push(figures);
    counts.push(counted);
  }
  const averages = networks.flatMap(({ average }) => average ?? []);
  const rates = [...new Set(arm.networks.map(({ lr }) => lr))];
  const tried = (rate: number) => arm.networks.filter(({ lr }) => lr === rate).map(({ validation }) => validation);
  return {
    name,
    start,
    rates: rates.map((lr) => ({ lr, validation: tried(lr) })),
    lr: arm.lr,
    networks,
    mean: meanOf(networks),
    averageMean: averages.length === 0 ? null : meanOf(averages),
    confusion: counts
      .map(({ confusion }) => [...confusion])
      .reduce((a, b) => a.map((n, cell) => n + (b[cell] as number))),
  };
}

function meanOf(all: readonly Accuracies[]): Accuracies {
  const of = (figure: keyof Accuracies) => mean(all.map((one) => one[figure]));
  return { top1: of("top1"), top5: of("top5"), balanced: of("balanced") };
}

/**
 * A network and the moving average of its weights on the test split.
 *
 * @throws RangeError when a picture of the split was counted twice, or was not counted
 */
async function evaluateNetwork(
  pass: Pass,
  name: string,
  arm: FinetunedArm,
  { weights, averageWeights, validation, best, average }: FinetunedNetwork,
): Promise<{ figures: Network; counted: ClassCounts }> {
  const counted = await countTest(pass, `${name}, test`, arm, weights);
  const pictures = pass.data.places(limited(pass.context, TEST)).length;
  const averaged = average && {
    ...accuracies(await countTest(pass, `${name}, moving average, test`, arm, averageWeights), pictures),
    validation: average.validation,
    best: average.best,
  };
  return { counted, figures: { ...accuracies(counted, pictures), validation, best, average: averaged } };
}

/** Counts what a network gets right of the whole test split, each picture once: rows that only fill up a batch are left out. */
async function countTest(
  pass: Pass,
  part: string,
  { config, classes }: FinetunedArm,
  weights: Readonly<Record<string, HostArray>>,
): Promise<ClassCounts> {
  const classifier = classifierOf(weights);
  try {
    await using step = frozenStep(pass.context.recipe.runtime, "classifier", logitsOf(classifier, config));
    let counts: ClassCounts | undefined;
    await overPictures(
      pass,
      part,
      TEST,
      async ({ batch, first, count }) => {
        const { logits } = await step.run({ images: batch.images });
        const scores = (logits.data as Float32Array).subarray(0, count * classes.length);
        const found = countClasses(scores, batch.labels.data.subarray(0, count), classes.length, first);
        counts = counts === undefined ? found : mergeCounts([counts, found]);
      },
      { size: config.size },
    );
    return counts as unknown as ClassCounts;
  } finally {
    tf.dispose(classifier as unknown as tf.TensorContainer);
  }
}

/** What naming the commonest class of the test split always, or any class evenly, would reach. */
export function chanceOf(labels: readonly number[], classes: number): { commonest: number; even: number } {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return { commonest: Math.max(...counts) / labels.length, even: 1 / classes };
}
