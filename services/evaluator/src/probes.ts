import type { Probe } from "@peco/report/evaluation";
import { frozenStep } from "./frozen-step.ts";
import type { FrozenNetwork } from "./inputs.ts";
import { linearAccuracies } from "./linear-evaluation.ts";
import type { Pass } from "./pictures-in-order.ts";
import { probeFeatures } from "./steps.ts";

/** Fits a linear classifier on the frozen features of every block, chooses the block on validation, and gives its accuracy on test. */
export async function probeNetwork(
  pass: Pass,
  network: Probe["network"],
  { config, vit }: FrozenNetwork,
  classes: number,
): Promise<Probe> {
  await using step = frozenStep(pass.context, "features", probeFeatures(vit, config));
  const { depth, size } = config;
  const width = 2 * config.width;
  const features = {
    name: `probe of the ${network} network`,
    widths: new Array<number>(depth).fill(width),
    sizes: { size },
    of: async ({ batch: { images } }: Parameters<Parameters<typeof linearAccuracies>[1]["of"]>[0]) => {
      const all = (await step.run({ images })).features.data as Float32Array;
      return Array.from({ length: depth }, (_, block) => {
        const own = new Float32Array(all.length / depth);
        for (let row = 0; row * width < own.length; row++) {
          const at = (row * depth + block) * width;
          own.set(all.subarray(at, at + width), row * width);
        }
        return own;
      });
    },
  };
  const accuracies = await linearAccuracies(pass, features, classes);
  const blocks = accuracies.map((accuracy, i) => ({ block: i + 1, ...accuracy, best: null }));
  const best = blocks.reduce((a, b) => (b.validation > a.validation ? b : a));
  return { network, method: "lbfgs", blocks, block: best.block, top1: best.test };
}
