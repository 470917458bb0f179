import type { Selection } from "@peco/data";
import { topKHits } from "@peco/metrics";
import { type LabelledFeatures, type LinearProbe, ProbeFitter } from "./linear-probe.ts";
import { type Chunk, limited, overPictures, type Pass, type Sizes } from "./pictures-in-order.ts";

/** Frozen features of pictures, of one or several kinds. */
export interface FrozenFeatures {
  /** Names them in progress. */
  readonly name: string;
  /** Width of each kind. */
  readonly widths: readonly number[];
  readonly sizes: Sizes;
  /** The features of a batch, `[rows, width]` for each kind; only the first `count` rows are looked at. */
  of(chunk: Chunk): Promise<readonly Float32Array[]>;
}

/** Accuracies of a linear classifier of one kind of features. */
export interface LinearAccuracy {
  readonly validation: number;
  readonly test: number;
}

/**
 * Fits a linear classifier to each kind of features of the first `evaluate.probe.labels` training pictures (those without a class are left
 * out), and counts what it names right of the validation and of the test split.
 */
export async function linearAccuracies(
  pass: Pass,
  features: FrozenFeatures,
  classes: number,
): Promise<LinearAccuracy[]> {
  const { probe } = pass.context.recipe.evaluate;
  const train = await trainingFeatures(pass, features, { split: "train", first: probe.labels });
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
  return probes.map((_, kind) => ({ validation: validation[kind] as number, test: test[kind] as number }));
}

/** Features of all selected pictures that have a class. */
export async function trainingFeatures(
  pass: Pass,
  features: FrozenFeatures,
  selection: Selection,
): Promise<LabelledFeatures[]> {
  const labels = labelsOf(pass, selection).filter((label) => label >= 0);
  const kinds = features.widths.map((width) => new Float32Array(labels.length * width));
  let filled = 0;
  await overPictures(
    pass,
    `${features.name}, ${selection.split}`,
    selection,
    async (chunk) => {
      const found = await features.of(chunk);
      for (let row = 0; row < chunk.count; row++) {
        if ((chunk.batch.labels.data[row] as number) < 0) continue;
        for (const [kind, width] of features.widths.entries())
          kinds[kind]?.set((found[kind] as Float32Array).subarray(row * width, (row + 1) * width), filled * width);
        filled++;
      }
    },
    features.sizes,
  );
  return kinds.map((values) => ({ features: values, labels: Int32Array.from(labels) }));
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
  await overPictures(
    pass,
    `${features.name}, ${selection.split}`,
    selection,
    async (chunk) => {
      const found = await features.of(chunk);
      const labels = chunk.batch.labels.data.subarray(0, chunk.count);
      for (const [kind, probe] of probes.entries()) {
        const rows = (found[kind] as Float32Array).subarray(0, chunk.count * (features.widths[kind] as number));
        right[kind] = (right[kind] as number) + topKHits(probe.scores(rows), labels, classes, 1);
      }
      all += chunk.count;
    },
    features.sizes,
  );
  return right.map((hits) => hits / all);
}

/** Classes of the selected pictures, -1 for those without. */
export function labelsOf({ context, data }: Pass, selection: Selection): number[] {
  return data.places(limited(context, selection)).map((place) => data.pictures.label(place) ?? -1);
}
