import { drawMask, type MaskOptions } from "@peco/masking";
import { fold, key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import type { Tokenizer } from "@peco/training";
import type { HostArray } from "tfjs-libtensorflow";
import { frozenStep } from "./frozen-step.ts";
import type { PretrainedNetwork } from "./inputs.ts";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { maskedPrediction } from "./steps.ts";

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
  { model, config }: PretrainedNetwork,
  tokenizer: Tokenizer,
  samples: readonly number[],
): Promise<MaskedPrediction> {
  const { context } = pass;
  const law: MaskOptions = { rows: tokenizer.side, columns: tokenizer.side, ...context.recipe.pretrain.mask };
  const seed = fold(key(context.spec.seed), "evaluate", "mask");
  await using step = frozenStep(context, "masked prediction", maskedPrediction(model, config, tokenizer, law.count));
  let [masked, right, loss] = [0, 0, 0];
  const kept = new Map<number, MaskedSample>();
  await overPictures(
    pass,
    "masked prediction, test",
    { split: "test" },
    async ({ batch, tokenizerImages, first, count }) => {
      const patches = law.rows * law.columns;
      const masks = new Uint8Array((batch.images.shape[0] as number) * patches);
      for (let row = 0; row < count; row++) masks.set(drawMask(stream(fold(seed, first + row)), law), row * patches);
      const mask: HostArray<"uint8"> = { dtype: "uint8", shape: [masks.length / patches, patches], data: masks };
      const result = await step.run({ images: batch.images, tokenizerImages, mask });
      for (let row = 0; row < count; row++) {
        const found = readRow(result, row, law.count);
        masked += found.predicted.size;
        right += found.right;
        loss += found.loss;
        if (samples.includes(first + row))
          kept.set(first + row, { ...found, mask: masks.slice(row * patches, (row + 1) * patches) });
      }
    },
    { tokenizerSize: tokenizer.pictureSize },
  );
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
