import { drawMask, type MaskOptions } from "@peco/masking";
import type { VisionTransformerConfig } from "@peco/models";
import type { Normalisation } from "@peco/nn";
import { fold, key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import { type HostArray, jit, random, type State } from "tfjs-libtensorflow";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { maskedStep, type Pretrained } from "./steps.ts";

/** A picture's mask and what was predicted under it. */
export interface MaskedSample {
  /** `[patches]`, 1 where hidden. */
  readonly mask: Uint8Array;
  /** Predicted token of each hidden patch, by the patch's number. */
  readonly predicted: ReadonlyMap<number, number>;
  /** Hidden patches whose token was predicted exactly. */
  readonly right: number;
}

/** How well hidden tokens are predicted, and the pictures that were asked for, by number. */
export interface MaskedPrediction {
  readonly maskedTokens: Evaluation["maskedTokens"];
  readonly samples: ReadonlyMap<number, MaskedSample>;
}

/** Hides patches of every test picture (by the run's seed and the picture's number) and has the pre-trained network name their tokens. */
export async function measureMaskedPrediction(
  pass: Pass,
  pretrained: State<Pretrained>,
  options: {
    config: VisionTransformerConfig;
    normalisation: Normalisation;
    mask: MaskOptions;
    samples: readonly number[];
  },
): Promise<MaskedPrediction> {
  const { config, normalisation, mask: law, samples } = options;
  const seed = fold(key(pass.context.spec.seed), "evaluate", "mask");
  const step = jit(maskedStep(config, law.count, normalisation), {
    name: "masked prediction",
    compiler: pass.context.recipe.runtime.compiler,
  });
  let [masked, right, loss] = [0, 0, 0];
  const kept = new Map<number, MaskedSample>();
  try {
    await overPictures(pass, "masked prediction, test", { split: "test" }, async ({ batch, first, count }) => {
      const patches = law.rows * law.columns;
      const masks = new Uint8Array((batch.images.shape[0] as number) * patches);
      for (let row = 0; row < count; row++) masks.set(drawMask(stream(fold(seed, first + row)), law), row * patches);
      const mask: HostArray<"uint8"> = { dtype: "uint8", shape: [masks.length / patches, patches], data: masks };
      const result = await step.run(pretrained, { images: batch.images, mask }, random.key(0));
      for (let row = 0; row < count; row++) {
        const found = readRow(result, row, law.count);
        masked += found.predicted.size;
        right += found.right;
        loss += found.loss;
        if (samples.includes(first + row))
          kept.set(first + row, { ...found, mask: masks.slice(row * patches, (row + 1) * patches) });
      }
    });
  } finally {
    step.dispose();
  }
  return {
    maskedTokens: masked === 0 ? null : { masked, accuracy: right / masked, loss: loss / masked },
    samples: kept,
  };
}

type Arrays = Readonly<Record<"patches" | "weights" | "predicted" | "targets" | "losses", HostArray>>;

/** One picture's hidden patches out of the step's `[batch, count]`. */
function readRow(result: Arrays, row: number, count: number): Omit<MaskedSample, "mask"> & { loss: number } {
  const predicted = new Map<number, number>();
  let [right, loss] = [0, 0];
  for (let at = row * count; at < (row + 1) * count; at++) {
    const value = (name: keyof Arrays) => result[name].data[at] as number;
    if (value("weights") === 0) continue;
    predicted.set(value("patches"), value("predicted"));
    if (value("predicted") === value("targets")) right++;
    loss += value("losses");
  }
  return { predicted, right, loss };
}
