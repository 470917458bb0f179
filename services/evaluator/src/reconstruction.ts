import { setImmediate } from "node:timers/promises";
import { codebookUse, codeHistogram, mean, psnr, sampleDeviation, ssim } from "@peco/metrics";
import { evaluation } from "@peco/report/evaluation";
import { frozenStep, type Tokenizer } from "@peco/training";
import type { z } from "zod";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { tokensAndPictures } from "./steps.ts";

/** How well the tokenizer keeps pictures (null without a decoder), and how its codes are used. */
export const reconstructionResult = evaluation.pick({ reconstruction: true }).extend({
  codebook: evaluation.shape.codebook.unwrap(),
});

/** SSIM's window; smaller pictures have none. */
const WINDOW = 11;
/** A picture that is met exactly has an infinite PSNR, which no mean survives. */
const HIGHEST_PSNR = 100;

/** Sends the test split through the frozen tokenizer and back. */
export async function measureReconstruction(
  pass: Pass,
  tokenizer: Tokenizer,
): Promise<z.infer<typeof reconstructionResult>> {
  const { codes, side, pictureSize: size } = tokenizer;
  await using step = frozenStep(pass.context.recipe.runtime, "reconstruction", tokensAndPictures(tokenizer));
  const [psnrs, ssims]: [number[], number[]] = [[], []];
  const histogram = new Uint32Array(codes);
  const [bytes, perPicture] = [size * size * 3, side * side];
  const compare = async (originals: Uint8Array, pictures: Uint8Array) => {
    let rested = performance.now();
    for (let at = 0; at < originals.length; at += bytes) {
      const [original, picture] = [originals.subarray(at, at + bytes), pictures.subarray(at, at + bytes)];
      psnrs.push(Math.min(HIGHEST_PSNR, psnr(original, picture)));
      if (size >= WINDOW) ssims.push(ssim(original, picture, { height: size, width: size, channels: 3 }));
      if (performance.now() - rested > 10) {
        await setImmediate(); // SSIM takes its time, and health calls want to be answered
        rested = performance.now();
      }
    }
  };
  await overPictures(
    pass,
    "reconstruction, test",
    { split: "test" },
    async ({ batch, count }) => {
      const result = await step.run({ images: batch.images });
      const pictures = result.pictures === null ? null : Uint8Array.from(result.pictures.data as Float32Array);
      const tokens = result.tokens.data as Int32Array;
      codeHistogram(tokens.subarray(0, count * perPicture), codes).forEach((times, code) => {
        histogram[code] = (histogram[code] as number) + times;
      });
      if (pictures !== null) await compare(batch.images.data.subarray(0, count * bytes), pictures);
    },
    { size },
  );
  const spread = (values: number[]) => ({
    mean: mean(values),
    deviation: values.length < 2 ? 0 : sampleDeviation(values),
  });
  const tokens = histogram.reduce((a, b) => a + b);
  return {
    reconstruction:
      psnrs.length === 0 ? null : { psnr: spread(psnrs), ssim: ssims.length === 0 ? null : spread(ssims) },
    codebook: { size: codes, tokens, ...codebookUse(histogram), histogram: [...histogram] },
  };
}
