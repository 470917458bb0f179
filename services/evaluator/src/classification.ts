import type { Selection } from "@peco/data";
import { accuracy, balancedAccuracy, bestClasses, confusionMatrix, mean, topKHits } from "@peco/metrics";
import type { Classifier, VisionTransformerConfig } from "@peco/models";
import type { Arm } from "@peco/report/evaluation";
import { tensorsOf } from "@peco/training";
import { type HostArray, jit, random } from "tfjs-libtensorflow";
import { free, frozen } from "./frozen.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";
import { classifierStep } from "./steps.ts";

/** One fine-tuned network of an arm. */
export interface FinetunedNetwork {
  readonly lr: number;
  /** By dotted path. */
  readonly weights: Readonly<Record<string, HostArray>>;
}

/** A classifier's scores `[pictures, classes]` and the pictures' classes. */
interface Scores {
  readonly scores: Float32Array;
  readonly labels: Int32Array;
}

/**
 * Evaluates all networks of an arm on validation, takes the learning rate whose networks are best there on average (the first of equal
 * ones), and evaluates these on test.
 */
export async function evaluateArm(
  pass: Pass,
  name: Arm["name"],
  {
    config,
    classes,
    networks,
  }: { config: VisionTransformerConfig; classes: number; networks: readonly FinetunedNetwork[] },
): Promise<Arm> {
  const step = jit(classifierStep(config), { name: "classifier", compiler: pass.context.recipe.runtime.compiler });
  const scoresOf = async ({ weights }: FinetunedNetwork, selection: Selection): Promise<Scores> => {
    const tensors = tensorsOf<Classifier>(weights);
    await using state = frozen(tensors);
    free(tensors);
    const count = pass.data.places(limited(pass.context, selection)).length;
    const scores = new Float32Array(count * classes);
    const labels = new Int32Array(count);
    await overPictures(pass, `${name}, ${selection.split}`, selection, async (chunk) => {
      const { logits } = await step.run(state, { images: chunk.batch.images }, random.key(0));
      scores.set((logits.data as Float32Array).subarray(0, chunk.count * classes), chunk.first * classes);
      labels.set(chunk.batch.labels.data.subarray(0, chunk.count), chunk.first);
    });
    return { scores, labels };
  };
  try {
    const tried: { network: FinetunedNetwork; top1: number }[] = [];
    for (const network of networks)
      tried.push({ network, top1: topOne(await scoresOf(network, { split: "validation" }), classes) });
    const rates = [...new Set(networks.map(({ lr }) => lr))].map((lr) => ({
      lr,
      validation: tried.filter(({ network }) => network.lr === lr).map(({ top1 }) => top1),
    }));
    const best = rates.reduce((a, b) => (mean(b.validation) > mean(a.validation) ? b : a));
    const tests: ReturnType<typeof summarize>[] = [];
    for (const { network } of tried.filter((one) => one.network.lr === best.lr)) {
      tests.push(summarize(await scoresOf(network, { split: "test" }), classes));
    }
    const average = (figure: "top1" | "top5" | "balanced") => mean(tests.map(({ result }) => result[figure]));
    return {
      name,
      rates,
      lr: best.lr,
      networks: tests.map(({ result }) => result),
      mean: { top1: average("top1"), top5: average("top5"), balanced: average("balanced") },
      confusion: tests
        .map(({ confusion }) => confusion)
        .reduce((a, b) => a.map((count, cell) => count + (b[cell] as number))),
    };
  } finally {
    step.dispose();
  }
}

function topOne({ scores, labels }: Scores, classes: number): number {
  return topKHits(scores, labels, classes, 1) / labels.length;
}

function summarize({ scores, labels }: Scores, classes: number) {
  const confusion = confusionMatrix(labels, bestClasses(scores, classes), classes);
  return {
    confusion: [...confusion],
    result: {
      top1: accuracy(confusion, classes),
      top5: topKHits(scores, labels, classes, 5) / labels.length,
      balanced: balancedAccuracy(confusion, classes),
    },
  };
}

/** What naming the commonest class of the test split always, or any class evenly, would reach. */
export function chanceOf(labels: readonly number[], classes: number): { commonest: number; even: number } {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return { commonest: Math.max(...counts) / labels.length, even: 1 / classes };
}
