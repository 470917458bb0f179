import type { Probe } from "@peco/report/evaluation";
import type { FrozenNetwork } from "./inputs.ts";
import { linearAccuracies } from "./linear-evaluation.ts";
import type { Pass } from "./pictures-in-order.ts";
import { blockFeatures } from "./steps.ts";

/** Trains a linear classifier on the frozen features of every block, chooses the block on validation, and gives its accuracy on test. */
export async function probeNetwork(
  pass: Pass,
  network: Probe["network"],
  { config, vit }: FrozenNetwork,
  classes: number,
): Promise<Probe> {
  const accuracies = await linearAccuracies(
    pass,
    {
      name: `probe of the ${network} network`,
      widths: new Array<number>(config.depth).fill(2 * config.width),
      size: config.size,
      of: blockFeatures(vit, config),
    },
    classes,
  );
  const blocks = accuracies.map((accuracy, i) => ({ block: i + 1, ...accuracy }));
  const best = blocks.reduce((a, b) => (b.validation > a.validation ? b : a));
  const { method } = pass.context.recipe.evaluate.probe;
  return { network, method, blocks, block: best.block, top1: best.test };
}
