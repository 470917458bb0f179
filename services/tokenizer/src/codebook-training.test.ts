import { readFileSync } from "node:fs";
import {
  decode,
  discriminate,
  encode,
  type Features,
  initPatchDiscriminator,
  initVqAutoencoder,
  nearestCodes,
  startCodebook,
} from "@peco/models";
import { normalisePictures } from "@peco/nn";
import type { Recipe } from "@peco/recipes";
import { compileStep, type HostBatch, wholeStep } from "@peco/training";
import { decodeSafetensors, type HostArray, jit, mapTree, random, State, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import { type CodebookState, codebookStep, initialCodebookState } from "./index.ts";

const { tensors } = decodeSafetensors(
  new Uint8Array(readFileSync(new URL("../fixtures/codebook-training.safetensors", import.meta.url))),
);
const fixture = (name: string) => tensors[name] as HostArray;
const tensor = (name: string) => tf.tensor(fixture(name).data as Float32Array, [...fixture(name).shape]);
const value = (name: string) => fixture(name).data[0] as number;

const normalisation = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.25, 0.25] };
const lrs = [2e-3, 1e-3, 5e-4];
const key = random.key(1n);

const common: Recipe["codebook"] = {
  ...shortRecipe("codebook.restartBelow=0").codebook,
  batch: 4,
  size: 6,
  width: 5,
  channels: [4, 6],
  residualBlocks: 1,
  attention: false,
  decay: 0.9,
  smoothing: 1e-2,
  optimizer: {
    lr: 1,
    betas: [0.9, 0.99],
    weightDecay: 0.02,
    decayAll: false,
    warmup: 0,
    finalLrShare: 0,
    clip: 0.5,
  } as Recipe["codebook"]["optimizer"],
  codebookWeight: 0.7,
  commitment: 0.25,
};
const settings: Record<"plain" | "vqgan", Recipe["codebook"]> = {
  plain: { ...common, blocks: "plain", loss: { ...common.loss, pixel: 0.1, pixelVariance: 0.05, perceptual: 1 } },
  vqgan: {
    ...common,
    blocks: "vqgan",
    codes: "gradient",
    adversarial: { weight: 0.8, startStep: 1, channels: 4, layers: 1 },
    loss: {
      ...common.loss,
      pixel: 0.5,
      pixelPower: 1,
      pixelVariance: 0.2,
      perceptual: 0.6,
      power: 1,
      layers: [1, 2],
      layerWeights: [1, 3],
      balance: "first-step",
    },
  },
};

/** The fixture's stand-in for a perceptual network: two tanh layers on 4x4 patches, channels outermost. */
const features: Features = (pictures) => {
  const [batch, height, width] = pictures.shape;
  const cells = tf.reshape(normalisePictures(pictures, normalisation), [batch, height / 4, 4, width / 4, 4, 3]);
  const rows = tf.reshape(tf.transpose(cells, [0, 1, 3, 5, 2, 4]), [-1, 48]);
  const one = tf.tanh(tf.matMul(rows, tensor("first") as tf.Tensor2D));
  return [one, tf.tanh(tf.matMul(one, tensor("second") as tf.Tensor2D))].map((layer) =>
    tf.reshape(layer, [batch, -1, 6]),
  );
};

function start(name: "plain" | "vqgan"): CodebookState {
  const recipe = settings[name];
  const given = <T>(like: T, prefix: string) => mapTree(like, (_, path) => tensor(`${prefix}.parameters.${path}`)) as T;
  const autoencoder = given(initVqAutoencoder(recipe, key), name);
  const codebook = startCodebook(tensor(`${name}.start`) as tf.Tensor2D, 3, recipe);
  const state = initialCodebookState(recipe, autoencoder, codebook);
  if (state.discriminator === undefined || recipe.adversarial === null) return state;
  const params = given(initPatchDiscriminator(recipe.adversarial, key), "discriminator");
  return { ...state, discriminator: { ...state.discriminator, params } };
}

/** Pictures of a step, or some of them, as the loop hands them over. */
function pictures(step: number, from = 0, to = 4): HostArray<"uint8"> {
  const { data } = fixture("pictures");
  const each = 16 * 16 * 3;
  const some = Uint8Array.from(data.subarray((4 * step + from) * each, (4 * step + to) * each));
  return { dtype: "uint8", shape: [to - from, 16, 16, 3], data: some };
}
const tensorOf = ({ data, shape }: HostArray) =>
  tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]);
const hyper = (step: number) => ({ lr: lrs[step] as number, adversarial: step >= 1 ? 1 : 0 });

/** Largest distance as a share of the largest value, at most twice what float32 costs PyTorch, or 1e-5. */
function expectNear(actual: tf.Tensor, name: string, own: string): void {
  const expected = tensor(name);
  const largest = (x: tf.Tensor) => tf.max<tf.Scalar>(tf.abs(x)).arraySync();
  expect(largest(tf.sub(actual, expected)) / largest(expected)).toBeLessThan(Math.max(1e-5, 2 * value(own)));
}

const shown = {
  plain: ["loss", "pixel", "perceptual", "commitment", "gradNorm"],
  vqgan: [
    ...["loss", "pixel", "perceptual", "commitment", "codebook", "adversarial", "adversarialWeight"],
    ...["discriminator", "gradNorm", "discriminatorGradNorm"],
  ],
};

describe("three whole steps against PyTorch", () => {
  for (const name of ["plain", "vqgan"] as const) {
    it(`${name}: losses, tokens, codes and outputs`, async () => {
      const step = jit(
        wholeStep(codebookStep({ recipe: settings[name], normalisation, precision: "float32", features })),
        {
          name,
          compiler: "graph",
        },
      );
      await using state = State.of(start(name));
      const expected = fixture(`${name}.figures`).data;
      for (let at = 0; at < 3; at++) {
        const { autoencoder, codebook } = state.tensors() as CodebookState;
        const tokens = tf.tidy(() => {
          const latents = encode(autoencoder, tensorOf(pictures(at)), normalisation);
          return nearestCodes(tf.reshape(latents, [-1, 5]), codebook.vectors).dataSync();
        });
        expect([...tokens]).toEqual([...fixture(`${name}.tokens`).data.subarray(at * 64, (at + 1) * 64)]);
        const metrics = await step.run(
          state,
          { data: { images: pictures(at) }, hyper: hyper(at) },
          random.fold(key, at),
        );
        expect(metrics.finite).toBe(1);
        shown[name].forEach((figure, i) => {
          const reference = expected[at * shown[name].length + i] as number;
          const apart = Math.abs((metrics[figure] as number) - reference) / Math.max(Math.abs(reference), 1e-3);
          expect(apart, `${figure} of step ${at}`).toBeLessThan(Math.max(1e-5, 2 * value(`${name}.own.figures`)));
        });
      }
      const { autoencoder, codebook, discriminator } = state.tensors() as CodebookState;
      expectNear(codebook.vectors, `${name}.codes`, `${name}.own.codes`);
      const images = tensorOf(pictures(0));
      const latents = encode(autoencoder, images, normalisation);
      expectNear(latents, `${name}.latents`, `${name}.own.latents`);
      expectNear(decode(autoencoder, latents, normalisation), `${name}.decoded`, `${name}.own.decoded`);
      if (discriminator !== undefined)
        expectNear(discriminate(discriminator.params, images), "vqgan.answers", "vqgan.own.answers");
      step.dispose();
    });
  }
});

describe("a batch in parts", () => {
  const recipe = { ...settings.plain, restartBelow: 0.9, decay: 0.5 };
  const learned: Recipe["codebook"] = { ...recipe, codes: "gradient", unitLength: true };
  for (const [name, own] of Object.entries({ "moving averages": recipe, "learned codes": learned })) {
    it(`gives what the whole batch gives, with ${name} and dead codes`, async () => {
      const options = { recipe: own, normalisation, precision: "float32", features } as const;
      const after = async (microBatch: number | null) => {
        const division = microBatch === null ? null : { batch: 4, microBatch, mixGroup: null };
        const runner = compileStep(codebookStep(options), { name, compiler: "graph", division });
        const codebook = startCodebook(tensor("plain.start") as tf.Tensor2D, 3, own);
        const initial = initialCodebookState(own, start("plain").autoencoder, codebook);
        await using state = State.of(initial);
        const metrics = [];
        for (let at = 0; at < 3; at++) {
          const size = microBatch ?? 4;
          const take = async (part: number): Promise<HostBatch> => ({
            images: pictures(at, part * size, (part + 1) * size),
          });
          metrics.push(await runner.run(state, take, { hyper: hyper(at), key: random.fold(key, at) }));
        }
        runner.dispose();
        return { metrics, state: await state.snapshot() };
      };
      const whole = await after(null);
      const parts = await after(2);
      expect(whole.metrics.map(({ dead }) => dead as number).some((dead) => dead > 0)).toBe(true);
      whole.metrics.forEach((metrics, at) => {
        for (const [figure, figureValue] of Object.entries(metrics) as [string, number][]) {
          const other = (parts.metrics[at] as Record<string, number>)[figure] as number;
          expect(Math.abs(other - figureValue), `${figure} of step ${at}`).toBeLessThan(
            1e-5 * Math.max(1, figureValue),
          );
        }
      });
      for (const path of ["codebook.vectors", "codebook.counts"]) {
        const [one, two] = [whole.state[path] as HostArray, parts.state[path] as HostArray];
        one.data.forEach((number, i) => {
          expect(Math.abs(number - (two.data[i] as number))).toBeLessThan(2e-5);
        });
      }
    });
  }
});
