import type { Selection } from "@peco/data";
import { frozenStep } from "@peco/training";
import type { HostArray, tf } from "tfjs-libtensorflow";
import type { LabelledFeatures } from "./linear-probe.ts";
import { limited, overPictures, type Pass } from "./pictures-in-order.ts";

/** Features of pictures by a frozen network, of one or several kinds. */
export interface FrozenFeatures {
  /** Names them in progress and in checkpoints. */
  readonly name: string;
  /** Width of each kind. */
  readonly widths: readonly number[];
  /** Pixels along a side of the pictures that it takes. */
  readonly size: number;
  /** The features of pictures `[batch, size, size, 3]`, 0..255, inside a program: `[batch, width]` for each kind. */
  of(images: tf.Tensor4D): tf.Tensor2D[];
}

/** Features of a batch. */
export interface FeatureRows {
  /** `[rows, width]` of each kind, of which the first `count` rows are pictures. */
  readonly kinds: readonly Float32Array[];
  /** Classes of the pictures, `[count]`; -1 for none. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** Computes the features of the selected pictures, batch by batch, with an evaluation's transform. */
export async function overFeatures(
  pass: Pass,
  features: FrozenFeatures,
  selection: Selection,
  use: (rows: FeatureRows) => Promise<void> | void,
): Promise<void> {
  await using step = frozenStep(
    pass.context.recipe.runtime,
    features.name,
    ({ images }: { readonly images: tf.Tensor4D }) => ({
      kinds: features.of(images),
    }),
  );
  await overPictures(
    pass,
    `${features.name}, ${selection.split}`,
    selection,
    async ({ batch, count }) => {
      const { kinds } = (await step.run({ images: batch.images })) as { kinds: HostArray[] };
      const rows = kinds.map(({ data }) => data as Float32Array);
      await use({ kinds: rows, labels: batch.labels.data.subarray(0, count), count });
    },
    { size: features.size },
  );
}

/** The features of all selected pictures that have a class, for each kind. */
export async function labelledFeatures(
  pass: Pass,
  features: FrozenFeatures,
  selection: Selection,
): Promise<LabelledFeatures[]> {
  const labels = Int32Array.from(labelsOf(pass, selection).filter((label) => label >= 0));
  const kinds = features.widths.map((width) => new Float32Array(labels.length * width));
  let filled = 0;
  await overFeatures(pass, features, selection, (rows) => {
    for (let row = 0; row < rows.count; row++) {
      if ((rows.labels[row] as number) < 0) continue;
      for (const [kind, width] of features.widths.entries())
        kinds[kind]?.set((rows.kinds[kind] as Float32Array).subarray(row * width, (row + 1) * width), filled * width);
      filled++;
    }
  });
  return kinds.map((values) => ({ features: values, labels }));
}

/** Classes of the selected pictures, -1 for those without. */
export function labelsOf({ context, data }: Pass, selection: Selection): number[] {
  return data.places(limited(context, selection)).map((place) => data.pictures.label(place) ?? -1);
}
