import { type Classifier, classify, initClassifier } from "@peco/models";
import { wholeStep } from "@peco/training";
import { mapTree, random, tf } from "tfjs-libtensorflow";
import { expect, it } from "vitest";
import { distanceOf, readSteps } from "../../../libs/training/test/reference-steps.ts";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { type FinetuneState, finetuneStep, initFinetuning } from "../src/index.ts";

const { network, steps, config } = readSteps();

it("three steps of fine-tuning are BEiT's: losses, norms of the gradient, logits, and those of the averaged weights", () => {
  const { finetune } = shortRecipe();
  const optimizer = { ...finetune.optimizer, betas: [0.9, 0.98] as [number, number], weightDecay: 0.05, clip: 3 };
  const recipe = { ...finetune, optimizer, layerDecay: 0.65, averageDecay: 0.9, smoothing: 0.1 };
  const options = { vit: config, recipe, precision: "float32", recompute: "none", classes: 5 } as const;
  const fresh = initClassifier(random.key(1), config, { classes: 5 });
  const classifier = mapTree(fresh, (_, path) =>
    path.startsWith("vit.")
      ? network(path.endsWith("relativePositions") ? "beit.vit.relativePositions" : `beit.${path}`)
      : steps(`head.${path}`),
  ) as unknown as Classifier;
  const { slots } = initFinetuning(options, random.key(1));
  let state: FinetuneState = { classifier, slots, average: mapTree(classifier, tf.clone) as unknown as Classifier };
  const images = network("pictures") as tf.Tensor4D;
  const step = wholeStep(finetuneStep(options));
  const measured = { losses: [] as number[], norms: [] as number[] };
  for (const [i, lr] of steps("lrs").dataSync().entries()) {
    const labels = tf.reshape(tf.slice(steps("labels"), [i, 0], [1, -1]), [3]);
    const next = step(state, { data: { images, labels }, hyper: { lr: tf.scalar(lr) } }, random.key(1));
    measured.losses.push(next.metrics.loss.dataSync()[0] as number);
    measured.norms.push(next.metrics["gradNorm"]?.dataSync()[0] as number);
    state = next.state;
  }
  const after = classify(state.classifier, config, images).dataSync();
  const average = classify(state.average as Classifier, config, images).dataSync();
  for (const [name, values] of Object.entries({ ...measured, after, average })) {
    const { distance, limit } = distanceOf(`finetune.${name}`, values);
    expect(distance, name).toBeLessThanOrEqual(limit);
  }
});
