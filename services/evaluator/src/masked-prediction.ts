import { drawMask, type MaskOptions } from "@peco/masking";
import { fold, type Key, key, stream } from "@peco/random";
import type { Evaluation } from "@peco/report/evaluation";
import { frozenStep, type Tokenizer } from "@peco/training";
import type { HostArray } from "tfjs-libtensorflow";
import type { PretrainedNetwork } from "./inputs.ts";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { maskedPrediction } from "./steps.ts";

/** How the pretraining's masks are drawn on the tokenizer's grid. */
export function maskLaw({ recipe }: Pass["context"], { side }: Tokenizer): MaskOptions {
  return { rows: side, columns: side, ...recipe.pretrain.mask };
}

/** The key that test picture n's mask is drawn with is `fold(maskKey, n)`. */
export function maskKey({ spec }: Pass["context"]): Key {
  return fold(key(spec.seed), "evaluate", "mask");
}

/** Hides patches of every test picture (by the run's seed and the picture's number) and has the pre-trained network name their tokens. */
export async function measureMaskedPrediction(
  pass: Pass,
  { model, config }: PretrainedNetwork,
  tokenizer: Tokenizer,
): Promise<Evaluation["maskedTokens"]> {
  const { context } = pass;
  const law = maskLaw(context, tokenizer);
  const seed = maskKey(context);
  await using step = frozenStep(
    context.recipe.runtime,
    "masked prediction",
    maskedPrediction(model, config, tokenizer, law.count),
  );
  let [masked, right, loss] = [0, 0, 0];
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
        const found = hiddenPatches(result, row, law.count);
        masked += found.predicted.size;
        right += found.right;
        loss += found.loss;
      }
    },
    { tokenizerSize: tokenizer.pictureSize },
  );
  return masked === 0 ? null : { masked, accuracy: right / masked, loss: loss / masked };
}

type Arrays = Readonly<Record<"patches" | "weights" | "predicted" | "targets" | "losses", HostArray>>;

/** What is predicted under one picture's mask. */
export interface HiddenPatches {
  /** Predicted token of each hidden patch, by the patch's number. */
  readonly predicted: ReadonlyMap<number, number>;
  /** Hidden patches whose token was predicted exactly. */
  readonly right: number;
  /** Sum of their cross-entropies in nats. */
  readonly loss: number;
}

/** Picture `row`'s hidden patches out of what `maskedPrediction` gives, `[batch, count]`. */
export function hiddenPatches(result: Arrays, row: number, count: number): HiddenPatches {
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
