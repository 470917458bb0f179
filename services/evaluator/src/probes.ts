import type { Selection } from "@peco/data";
import { topKHits } from "@peco/metrics";
import type { VisionTransformer, VisionTransformerConfig } from "@peco/models";
import type { Probe } from "@peco/report/evaluation";
import { jit, random, type State } from "tfjs-libtensorflow";
import { type LabelledFeatures, ProbeFitter } from "./linear-probe.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";
import { featuresStep } from "./steps.ts";

/** A split's features of every block, and its labels. */
interface BlockFeatures {
  readonly blocks: readonly Float32Array[];
  readonly labels: Int32Array;
}

/**
 * Fits a linear classifier on the frozen features of every block, chooses the block on validation, and gives its accuracy on test.
 * Pictures of `train` without a class are left out.
 */
export async function probeNetwork(
  pass: Pass,
  name: Probe["network"],
  { config, network, classes }: { config: VisionTransformerConfig; network: State<VisionTransformer>; classes: number },
): Promise<Probe> {
  const { probe, batch: _ } = pass.context.recipe.evaluate;
  const { compiler } = pass.context.recipe.runtime;
  const step = jit(featuresStep(config), { name: "features", compiler });
  const fitter = new ProbeFitter(classes, probe.weightDecay, compiler);
  const width = 2 * config.width;
  const featuresOf = async (selection: Selection): Promise<BlockFeatures> => {
    const count = pass.data.places(limited(pass.context, selection)).length;
    const blocks = Array.from({ length: config.depth }, () => new Float32Array(count * width));
    const labels = new Int32Array(count);
    await overPictures(pass, `probe of the ${name} network, ${selection.split}`, selection, async (chunk) => {
      const { features } = await step.run(network, { images: chunk.batch.images }, random.key(0));
      labels.set(chunk.batch.labels.data.subarray(0, chunk.count), chunk.first);
      for (let row = 0; row < chunk.count * config.depth; row++) {
        const picture = chunk.first + Math.floor(row / config.depth);
        const values = (features.data as Float32Array).subarray(row * width, (row + 1) * width);
        blocks[row % config.depth]?.set(values, picture * width);
      }
    });
    return { blocks, labels };
  };
  try {
    const train = await featuresOf({ split: "train", first: probe.labels });
    const validation = await featuresOf({ split: "validation" });
    const test = await featuresOf({ split: "test" });
    const blocks = [];
    for (let block = 0; block < config.depth; block++) {
      pass.context.signal.throwIfAborted();
      const fitted = await fitter.fit(withClasses(train, block, width), width);
      const accuracy = ({ blocks: all, labels }: BlockFeatures) =>
        topKHits(fitted.scores(all[block] as Float32Array), labels, classes, 1) / labels.length;
      blocks.push({ block: block + 1, validation: accuracy(validation), test: accuracy(test) });
    }
    const best = blocks.reduce((a, b) => (b.validation > a.validation ? b : a));
    return { network: name, blocks, block: best.block, top1: best.test };
  } finally {
    fitter.dispose();
    step.dispose();
  }
}

/** The rows of one block that have a class. */
function withClasses({ blocks, labels }: BlockFeatures, block: number, width: number): LabelledFeatures {
  const features = blocks[block] as Float32Array;
  const rows = [...labels.keys()].filter((row) => (labels[row] as number) >= 0);
  const kept = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    kept.set(features.subarray(row * width, (row + 1) * width), i * width);
  });
  return { features: kept, labels: Int32Array.from(rows, (row) => labels[row] as number) };
}
