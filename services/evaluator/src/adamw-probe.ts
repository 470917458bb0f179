import { withoutGradient } from "@peco/models";
import { type AdamWSlots, adamW, crossEntropy, type Linear, linear } from "@peco/nn";
import { type StepBatch, type StepMetrics, type Training, train } from "@peco/training";
import { type Jitted, jit, type Key, random, type State, type Step, tf, valueAndGrad } from "tfjs-libtensorflow";
import type { FrozenFeatures } from "./frozen-features.ts";
import type { LinearAccuracy } from "./linear-evaluation.ts";
import { overPictures, type Pass } from "./pictures-in-order.ts";

/** A linear classifier for each kind of features, and what AdamW remembers. */
export type ProbeState = { readonly probes: readonly Linear[]; readonly slots: AdamWSlots };

/** AdamW of BEiT's linear evaluation: all parameters decay. */
const optimizerOf = (weightDecay: number) => adamW({ betas: [0.9, 0.999], weightDecay, decayAll: true });

/** Classifiers with weights N(0, .01) and biases 0. */
export function initProbes(
  key: Key,
  { widths, classes, weightDecay }: { widths: readonly number[]; classes: number; weightDecay: number },
): ProbeState {
  return tf.tidy(() => {
    const probes = widths.map((width, kind): Linear => {
      const weight = random.normal(random.fold(key, kind), [width, classes], 0, 0.01) as tf.Tensor2D;
      return { weight, bias: tf.zeros([classes]) };
    });
    return { probes, slots: optimizerOf(weightDecay).init(probes) } as ProbeState & tf.TensorContainerObject;
  });
}

/**
 * One step of all classifiers on the features of one batch: each has its own cross-entropy and is trained as if alone. The batch holds
 * `images`, 0..255, `labels` int32 [batch], and the scheduled `lr`; `loss` is the mean of the classifiers' losses.
 */
export function probeStep(
  features: Pick<FrozenFeatures, "of" | "widths">,
  weightDecay: number,
): Step<ProbeState, StepBatch, StepMetrics> {
  const optimizer = optimizerOf(weightDecay);
  return ({ probes, slots }, { data, hyper }) => {
    const labels = data["labels"] as tf.Tensor1D;
    const kinds = withoutGradientEach(features, data["images"] as tf.Tensor4D);
    const { loss, grad } = valueAndGrad((linears: readonly Linear[]) => {
      const losses = kinds.map((rows, kind) =>
        tf.mean<tf.Scalar>(crossEntropy(linear(linears[kind] as Linear, rows), labels)),
      );
      return { loss: tf.addN(losses), aux: {} };
    })(probes);
    const at = { lr: hyper["lr"] as tf.Scalar, loss };
    const updated = optimizer.update(grad as readonly Linear[], slots, probes, at);
    return {
      state: { probes: updated.params, slots: updated.slots },
      metrics: { loss: tf.div<tf.Scalar>(loss, kinds.length), finite: updated.finite },
    };
  };
}

/** The features as constants: only the classifiers learn. */
function withoutGradientEach(features: Pick<FrozenFeatures, "of">, images: tf.Tensor4D): tf.Tensor2D[] {
  return features.of(images).map((kind) => withoutGradient(() => kind));
}

/**
 * BEiT's linear evaluation (`run_linear_eval.py`): random crops and flips, all kinds of features trained together over one stream of
 * pictures, the learning rate a half cosine to 0 that is set once an epoch; validation and test are counted after every epoch, and the best
 * epoch is chosen on validation. It goes on from its checkpoint.
 */
export async function adamwAccuracies(
  pass: Pass,
  features: FrozenFeatures,
  classes: number,
): Promise<LinearAccuracy[]> {
  const { context, data } = pass;
  const { labels, adamw: own } = context.recipe.evaluate.probe;
  const pictures = data.places({ split: "train", first: labels }).length;
  const batch = Math.min(own.batch, pictures);
  const epochSteps = Math.floor(pictures / batch);
  const epochs = context.spec.preflight ? 1 : own.epochs;
  const steps = context.spec.preflight ? 1 : epochs * epochSteps;
  const key = random.fold(random.key(context.spec.seed), "evaluate", features.name);
  const { compiler } = context.recipe.runtime;
  const compiled = jit(probeStep(features, own.weightDecay), { name: features.name, compiler });
  const named = jit(namedClasses(features), { name: `${features.name}, counted`, compiler });
  try {
    const run: Training<ProbeState> = {
      part: features.name,
      steps,
      initial: () =>
        initProbes(random.fold(key, "start"), { widths: features.widths, classes, weightDecay: own.weightDecay }),
      compiled,
      batches: data.batches({
        kind: "labelled",
        pictures: { split: "train", first: labels },
        batch,
        size: features.size,
        seed: context.spec.seed,
        stage: `evaluate/${features.name}`,
        views: { crop: own.crop, flip: own.flip },
      }),
      hyper: (step) => ({ lr: epochRate(own.lr, Math.floor(step / epochSteps), epochs) }),
      key: random.fold(key, "steps"),
      imagesPerStep: batch,
      evaluation: { everySteps: epochSteps, measure: (state) => countAll(pass, features, named, state) },
    };
    const { evaluations } = await train(context, pass.checkpoints, run);
    return features.widths.map((_, kind) => {
      const rows = evaluations.map((row) => ({
        epoch: Math.ceil(row.step / epochSteps),
        validation: row[`validation ${kind}`] as number,
        test: row[`test ${kind}`] as number,
      }));
      const { validation, test } = rows.at(-1) as (typeof rows)[number];
      return { validation, test, best: rows.reduce((a, b) => (b.validation > a.validation ? b : a)) };
    });
  } finally {
    compiled.dispose();
    named.dispose();
  }
}

/** The learning rate of an epoch, from 0: PyTorch's `CosineAnnealingLR` over all epochs, stepped once an epoch. */
export function epochRate(lr: number, epoch: number, epochs: number): number {
  return (lr * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2;
}

type Images = { readonly images: tf.Tensor4D };
type Named = { readonly named: tf.Tensor2D };

/** The class that each classifier names: int32 [kinds, batch]. */
function namedClasses(features: FrozenFeatures) {
  return (state: ProbeState, { images }: Images) => {
    const named = features
      .of(images)
      .map((rows, kind) => tf.argMax<tf.Tensor1D>(linear(state.probes[kind] as Linear, rows), 1));
    return { state, metrics: { named: tf.stack(named) as tf.Tensor2D } };
  };
}

/** Share of validation and test pictures that each classifier names right. */
async function countAll(
  pass: Pass,
  features: FrozenFeatures,
  named: Jitted<ProbeState, Images, Named>,
  state: State<ProbeState>,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const split of ["validation", "test"] as const) {
    const right = features.widths.map(() => 0);
    let all = 0;
    await overPictures(
      pass,
      `${features.name}, ${split}`,
      { split },
      async ({ batch, count }) => {
        const found = (await named.run(state, { images: batch.images }, random.key(0))).named;
        const rows = found.shape[1] as number;
        for (const kind of right.keys()) {
          for (let row = 0; row < count; row++)
            if (found.data[kind * rows + row] === batch.labels.data[row]) right[kind] = (right[kind] as number) + 1;
        }
        all += count;
      },
      { size: features.size },
    );
    for (const [kind, hits] of right.entries()) figures[`${split} ${kind}`] = hits / all;
  }
  return figures;
}
