import { setImmediate } from "node:timers/promises";
import { codebookUse, codeHistogram, mean, psnr, sampleDeviation, ssim } from "@peco/metrics";
import type { Normalisation } from "@peco/nn";
import type { Evaluation } from "@peco/report/evaluation";
import { jit, random, type State } from "tfjs-libtensorflow";
import { overPictures, type Pass } from "./pictures-in-order.ts";
import { reconstructionStep, type Tokenizer } from "./steps.ts";

/** What a picture's tokens are and what they look like. */
export interface Reconstructed {
  readonly original: Uint8Array;
  readonly reconstruction: Uint8Array;
  /** `[grid * grid]`. */
  readonly tokens: Int32Array;
}

/** How well the tokenizer keeps pictures, how its codes are used, and the pictures that were asked for, by number. */
export interface Reconstruction {
  readonly reconstruction: Evaluation["reconstruction"];
  readonly codebook: Evaluation["codebook"];
  readonly samples: ReadonlyMap<number, Reconstructed>;
}

/** SSIM's window; smaller pictures have none. */
const WINDOW = 11;
/** A picture that is met exactly has an infinite PSNR, which no mean survives. */
const HIGHEST_PSNR = 100;

/** Sends the test split through the frozen tokenizer and back. `codes` is the codebook's size; `samples` are numbers of pictures to keep. */
export async function measureReconstruction(
  pass: Pass,
  tokenizer: State<Tokenizer>,
  { codes, normalisation, samples }: { codes: number; normalisation: Normalisation; samples: readonly number[] },
): Promise<Reconstruction> {
  const step = jit(reconstructionStep(normalisation), {
    name: "reconstruction",
    compiler: pass.context.recipe.runtime.compiler,
  });
  const [psnrs, ssims]: [number[], number[]] = [[], []];
  const histogram = new Uint32Array(codes);
  const kept = new Map<number, Reconstructed>();
  try {
    await overPictures(pass, "reconstruction, test", { split: "test" }, async ({ batch, first, count }) => {
      const result = await step.run(tokenizer, { images: batch.images }, random.key(0));
      const size = batch.images.shape[1] as number;
      const originals = batch.images.data;
      const pictures = Uint8Array.from(result.pictures.data as Float32Array);
      const tokens = result.tokens.data as Int32Array;
      const [bytes, perPicture] = [size * size * 3, tokens.length / (batch.images.shape[0] as number)];
      codeHistogram(tokens.subarray(0, count * perPicture), codes).forEach((times, code) => {
        histogram[code] = (histogram[code] as number) + times;
      });
      let rested = performance.now();
      for (let row = 0; row < count; row++) {
        const original = originals.subarray(row * bytes, (row + 1) * bytes);
        const reconstruction = pictures.subarray(row * bytes, (row + 1) * bytes);
        psnrs.push(Math.min(HIGHEST_PSNR, psnr(original, reconstruction)));
        if (size >= WINDOW) ssims.push(ssim(original, reconstruction, { height: size, width: size, channels: 3 }));
        if (samples.includes(first + row)) {
          const own = tokens.slice(row * perPicture, (row + 1) * perPicture);
          kept.set(first + row, { original: original.slice(), reconstruction: reconstruction.slice(), tokens: own });
        }
        if (performance.now() - rested > 10) {
          await setImmediate(); // SSIM takes its time, and health calls want to be answered
          rested = performance.now();
        }
      }
    });
  } finally {
    step.dispose();
  }
  const spread = (values: number[]) => ({
    mean: mean(values),
    deviation: values.length < 2 ? 0 : sampleDeviation(values),
  });
  const use = codebookUse(histogram);
  const tokens = histogram.reduce((a, b) => a + b);
  return {
    reconstruction: { psnr: spread(psnrs), ssim: ssims.length === 0 ? null : spread(ssims) },
    codebook: { size: codes, tokens, ...use, histogram: [...histogram] },
    samples: kept,
  };
}
