import { accuracy, balancedAccuracy, bestClasses, confusionMatrix, mean, topKHits } from "@peco/metrics";
import type { Classifier, VisionTransformerConfig } from "@peco/models";
import type { Arm } from "@peco/report/evaluation";
import { tensorsOf } from "@peco/training";
import { type HostArray, jit, random } from "tfjs-libtensorflow";
import { free, frozen } from "./frozen.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";
import { classifierStep } from "./steps.ts";

/** The networks of one arm of fine-tuning. */
export interface FinetunedArm {
  readonly config: VisionTransformerConfig;
  readonly classes: readonly string[];
  /** The learning rate that was best on validation. */
  readonly lr: number;
  /** Every network that was tried, with its accuracy on validation, and its weights by path. */
  readonly networks: readonly {
    readonly lr: number;
    readonly validation: number;
    readonly weights: Readonly<Record<string, HostArray>>;
  }[];
}

/** Evaluates the networks of an arm's best learning rate on the test split; validation has chosen, and test chooses nothing. */
export async function evaluateArm(pass: Pass, name: Arm["name"], arm: FinetunedArm): Promise<Arm> {
  const classes = arm.classes.length;
  const step = jit(classifierStep(arm.config), { name: "classifier", compiler: pass.context.recipe.runtime.compiler });
  const scoresOf = async (weights: Readonly<Record<string, HostArray>>): Promise<Scores> => {
    const tensors = tensorsOf<Classifier>(weights);
    await using state = frozen(tensors);
    free(tensors);
    const test = { split: "test" } as const;
    const count = pass.data.places(limited(pass.context, test)).length;
    const scores = new Float32Array(count * classes);
    const labels = new Int32Array(count);
    await overPictures(pass, `${name}, test`, test, async (chunk) => {
      const { logits } = await step.run(state, { images: chunk.batch.images }, random.key(0));
      scores.set((logits.data as Float32Array).subarray(0, chunk.count * classes), chunk.first * classes);
      labels.set(chunk.batch.labels.data.subarray(0, chunk.count), chunk.first);
    });
    return { scores, labels };
  };
  try {
    const results: ReturnType<typeof summarize>[] = [];
    for (const { lr, weights } of arm.networks)
      if (lr === arm.lr) results.push(summarize(await scoresOf(weights), classes));
    const average = (figure: "top1" | "top5" | "balanced") => mean(results.map(({ network }) => network[figure]));
    const rates = [...new Set(arm.networks.map(({ lr }) => lr))];
    const tried = (rate: number) => arm.networks.filter(({ lr }) => lr === rate).map(({ validation }) => validation);
    return {
      name,
      rates: rates.map((lr) => ({ lr, validation: tried(lr) })),
      lr: arm.lr,
      networks: results.map(({ network }) => network),
      mean: { top1: average("top1"), top5: average("top5"), balanced: average("balanced") },
      confusion: results
        .map(({ confusion }) => confusion)
        .reduce((a, b) => a.map((count, cell) => count + (b[cell] as number))),
    };
  } finally {
    step.dispose();
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
