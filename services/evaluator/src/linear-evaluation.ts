import type { Selection } from "@peco/data";
import { topKHits } from "@peco/metrics";
import type { Probe } from "@peco/report/evaluation";
import { adamwAccuracies } from "./adamw-probe.ts";
import { type FrozenFeatures, labelledFeatures, overFeatures } from "./frozen-features.ts";
import { type LinearProbe, ProbeFitter } from "./linear-probe.ts";
import type { Pass } from "./pictures-in-order.ts";

/** Accuracies of a linear classifier of one kind of features; `best` is that of the epoch that was best on validation. */
export type LinearAccuracy = Omit<Probe["blocks"][number], "block">;

/**
 * Trains a linear classifier on each kind of features of the first `evaluate.probe.labels` training pictures (those without a class are
 * left out), and counts what it names right of the validation and of the test split.
 */
export async function linearAccuracies(
  pass: Pass,
  features: FrozenFeatures,
  classes: number,
): Promise<LinearAccuracy[]> {
  const { method } = pass.context.recipe.evaluate.probe;
  return method === "adamw" ? adamwAccuracies(pass, features, classes) : lbfgsAccuracies(pass, features, classes);
}

async function lbfgsAccuracies(pass: Pass, features: FrozenFeatures, classes: number): Promise<LinearAccuracy[]> {
  const { probe } = pass.context.recipe.evaluate;
  const train = await labelledFeatures(pass, features, { split: "train", first: probe.labels });
  const fitter = new ProbeFitter(classes, probe.weightDecay, pass.context.recipe.runtime.compiler);
  const probes: LinearProbe[] = [];
  try {
    for (const [kind, labelled] of train.entries()) {
      pass.context.signal.throwIfAborted();
      probes.push(await fitter.fit(labelled, features.widths[kind] as number));
    }
  } finally {
    fitter.dispose();
  }
  const validation = await shareRight(pass, features, probes, classes, { split: "validation" });
  const test = await shareRight(pass, features, probes, classes, { split: "test" });
  return probes.map((_, kind) => ({
    validation: validation[kind] as number,
    test: test[kind] as number,
    best: null,
  }));
}

/** Share of the selected pictures whose class each probe names, batch by batch, so that no split has to fit into memory. */
async function shareRight(
  pass: Pass,
  features: FrozenFeatures,
  probes: readonly LinearProbe[],
  classes: number,
  selection: Selection,
): Promise<number[]> {
  const right = probes.map(() => 0);
  let all = 0;
  await overFeatures(pass, features, selection, ({ kinds, labels, count }) => {
    for (const [kind, probe] of probes.entries()) {
      const scores = probe.scores(kinds[kind] as Float32Array).subarray(0, count * classes);
      const hits = topKHits(scores, labels, classes, 1);
      right[kind] = (right[kind] as number) + hits;
    }
    all += count;
  });
  return right.map((hits) => hits / all);
}
