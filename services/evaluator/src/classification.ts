import { accuracy, balancedAccuracy, bestClasses, confusionMatrix, mean, topKHits } from "@peco/metrics";
import type { Arm } from "@peco/report/evaluation";
import { type HostArray, tf } from "tfjs-libtensorflow";
import { frozenStep } from "./frozen-step.ts";
import { classifierOf, type FinetunedArm } from "./inputs.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";
import { logitsOf } from "./steps.ts";

/** Evaluates the networks of an arm's best learning rate on the test split; validation has chosen, and test chooses nothing. */
export async function evaluateArm(
  pass: Pass,
  { name, start }: Pick<Arm, "name" | "start">,
  arm: FinetunedArm,
): Promise<Arm> {
  const classes = arm.classes.length;
  const results: ReturnType<typeof summarize>[] = [];
  for (const { lr, weights } of arm.networks)
    if (lr === arm.lr) results.push(summarize(await scoresOf(pass, `${name}, test`, arm, weights), classes));
  const average = (figure: "top1" | "top5" | "balanced") => mean(results.map(({ network }) => network[figure]));
  const rates = [...new Set(arm.networks.map(({ lr }) => lr))];
  const tried = (rate: number) => arm.networks.filter(({ lr }) => lr === rate).map(({ validation }) => validation);
  return {
    name,
    start,
    rates: rates.map((lr) => ({ lr, validation: tried(lr) })),
    lr: arm.lr,
    networks: results.map(({ network }) => network),
    mean: { top1: average("top1"), top5: average("top5"), balanced: average("balanced") },
    confusion: results
      .map(({ confusion }) => confusion)
      .reduce((a, b) => a.map((count, cell) => count + (b[cell] as number))),
  };
}

/** The scores of one network for the test split. */
async function scoresOf(
  pass: Pass,
  part: string,
  { config, classes }: FinetunedArm,
  weights: Readonly<Record<string, HostArray>>,
): Promise<Scores> {
  const classifier = classifierOf(weights);
  try {
    await using step = frozenStep(pass.context, "classifier", logitsOf(classifier, config));
    const test = { split: "test" } as const;
    const count = pass.data.places(limited(pass.context, test)).length;
    const scores = new Float32Array(count * classes.length);
    const labels = new Int32Array(count);
    await overPictures(
      pass,
      part,
      test,
      async (chunk) => {
        const { logits } = await step.run({ images: chunk.batch.images });
        const wanted = chunk.count * classes.length;
        scores.set((logits.data as Float32Array).subarray(0, wanted), chunk.first * classes.length);
        labels.set(chunk.batch.labels.data.subarray(0, chunk.count), chunk.first);
      },
      { size: config.size },
    );
    return { scores, labels };
  } finally {
    tf.dispose(classifier as unknown as tf.TensorContainer);
  }
}

/** A classifier's scores `[pictures, classes]` and the pictures' classes. */
interface Scores {
  readonly scores: Float32Array;
  readonly labels: Int32Array;
}

function summarize({ scores, labels }: Scores, classes: number) {
  const confusion = confusionMatrix(labels, bestClasses(scores, classes), classes);
  const network = {
    top1: accuracy(confusion, classes),
    top5: topKHits(scores, labels, classes, 5) / labels.length,
    balanced: balancedAccuracy(confusion, classes),
  };
  return { confusion: [...confusion], network };
}

/** What naming the commonest class of the test split always, or any class evenly, would reach. */
export function chanceOf(labels: readonly number[], classes: number): { commonest: number; even: number } {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return { commonest: Math.max(...counts) / labels.length, even: 1 / classes };
}
