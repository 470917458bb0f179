import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { dallEShape } from "@peco/models";
import type { StageProgress } from "@peco/stage";
import { loadTokenizer } from "@peco/training";
import { encodeSafetensors, type HostArray, hostArray, random, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { codebookStage, perceptualNetworkStage } from "./index.ts";

const short = ["perceptualNetwork.steps=3", "codebook.steps=6"];
let base: string;
let inputs: Record<string, string>;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "peco-variants-"));
  const recipe = shortRecipe(...short);
  inputs = await untrainedStore(base, recipe);
  const spec = specFor("perceptual-network", { store: base, recipe, inputs });
  inputs["perceptualNetwork"] = (await runHere(perceptualNetworkStage, spec)).artifact;
});
afterAll(() => rm(base, { recursive: true, force: true }));

const variants: Record<string, string[]> = {
  "VQGAN's blocks with attention": ["codebook.blocks=vqgan", "codebook.attention=true"],
  "learned codes": ["codebook.codes=gradient", "codebook.kmeansRounds=0"],
  "codes of length 1": ["codebook.unitLength=true", "codebook.smoothing=0"],
  "smoothed codes, in parts of a batch": ["codebook.microBatch=4", "codebook.smoothing=1e-5"],
  "a balance, absolute errors and a discriminator": [
    ...["codebook.loss.balance=first-step", "codebook.loss.pixelPower=1", "codebook.loss.power=1"],
    "codebook.adversarial={ weight: 0.8, startStep: 2, channels: 4, layers: 2 }",
  ],
};

describe("the stage codebook", () => {
  for (const [name, sets] of Object.entries(variants)) {
    it(`trains with ${name}, goes on after a stop, and gives a tokenizer`, async () => {
      const recipe = shortRecipe(...short, ...sets);
      const spec = specFor("codebook", { store: base, recipe, inputs });
      const other = await mkdtemp(join(tmpdir(), "peco-variants-"));
      await cp(base, other, { recursive: true });
      const before = tf.memory().numTensors;
      const whole = await runHere(codebookStage, spec);
      expect(tf.memory().numTensors).toBe(before);
      for (const figure of ["perceptualLayer2", "dead", "usage", "perplexity", "gradNorm"])
        expect(whole.metrics[figure], figure).toEqual(expect.any(Number));

      const stop = new AbortController();
      const onEvent = ({ kind }: { kind: string }) => void (kind === "checkpoint" && stop.abort());
      const again = { ...spec, store: other };
      const stopped = runHere(codebookStage, again, { onEvent, signal: stop.signal });
      await expect(stopped).rejects.toMatchObject({ exitCode: 130 });
      expect((await runHere(codebookStage, again)).artifact).toBe(whole.artifact);
      await rm(other, { recursive: true, force: true });
      if (recipe.codebook.adversarial !== null) {
        const rows = await historyOf(whole.artifact);
        expect(rows).toHaveLength(6);
        for (const [step, { adversarialWeight, discriminator }] of rows.entries()) {
          const on = step >= recipe.codebook.adversarial.startStep;
          expect((adversarialWeight as number) > 0, `the weight of step ${step}`).toBe(on);
          expect((discriminator as number) > 0, `the discriminator of step ${step}`).toBe(on);
          if (!on) expect([adversarialWeight, discriminator]).toEqual([0, 0]);
        }
      }

      using tokenizer = await loadTokenizer(await Store.open(base), whole.artifact);
      tf.tidy(() => {
        const pictures = random.uniform(random.key(3), [2, 32, 32, 3], 0, 255) as tf.Tensor4D;
        const tokens = tokenizer.tokenise(pictures);
        expect(tokenizer.decode?.(tokens).shape).toEqual(pictures.shape);
        const latents = tokenizer.latents?.(pictures) as tf.Tensor4D;
        expect(latents.shape).toEqual([2, 4, 4, 16]);
        if (!recipe.codebook.unitLength) return;
        const lengths = [latents, tokenizer.vectors as tf.Tensor2D].map((x) => tf.sum(tf.square(x), -1).dataSync());
        for (const length of lengths.flatMap((some) => [...some])) expect(length).toBeCloseTo(1, 4);
      });
    }, 120_000);
  }

  it("takes DALL-E's encoder from a file of weights", async () => {
    const file = join(base, "dall-e.safetensors");
    await writeFile(file, encodeSafetensors(dallEWeights()));
    const sets = [...short, "codebook.source=dall-e", `codebook.weights=${file}`, "codebook.size=8192"];
    const spec = specFor("codebook", { store: base, recipe: shortRecipe(...sets), inputs });
    const before = tf.memory().numTensors;
    const notes: string[] = [];
    const onEvent = (event: StageProgress) => event.kind === "note" && notes.push(event.text);
    const { artifact, metrics } = await runHere(codebookStage, spec, { onEvent });
    expect(tf.memory().numTensors).toBe(before);
    expect(notes).toEqual(["the weights of dall-e.safetensors (dall-e) are under OpenAI's Modified MIT licence"]);
    expect(metrics).toMatchObject({ steps: 0, preset: "dall-e", file: "dall-e.safetensors" });
    using tokenizer = await loadTokenizer(await Store.open(base), artifact);
    expect(tokenizer).toMatchObject({ codes: 8192, side: 4, pictureSize: 32, decode: null, vectors: null });
    tf.tidy(() => {
      const pictures = random.uniform(random.key(3), [2, 32, 32, 3], 0, 255) as tf.Tensor4D;
      // no weights but one bias of the last convolution: every token is that code
      expect(new Set(tokenizer.tokenise(pictures).dataSync())).toEqual(new Set([77]));
    });
    await rm(file);
    const elsewhere = { ...spec, store: await mkdtemp(join(tmpdir(), "peco-variants-")) };
    await cp(base, elsewhere.store, { recursive: true, filter: (path) => !path.includes("results") });
    await expect(runHere(codebookStage, elsewhere)).rejects.toMatchObject({ name: "WeightsChanged" });
    await rm(elsewhere.store, { recursive: true });
  }, 120_000);
});

/** The figures of an artifact's steps. */
async function historyOf(artifact: string): Promise<Record<string, number>[]> {
  const bytes = await (await Store.open(base)).artifactBlob(artifact, "history.json");
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** The published encoder's tensors, all zero but for the bias of code 77. */
function dallEWeights(): Record<string, HostArray> {
  const { hidden, groups, blocksPerGroup, codes } = dallEShape;
  const made: Record<string, HostArray> = {};
  const conv = (name: string, kernel: number, inputs: number, outputs: number) => {
    const size = outputs * inputs * kernel ** 2;
    made[`blocks.${name}.w`] = hostArray("float32", [outputs, inputs, kernel, kernel], new Float32Array(size));
    made[`blocks.${name}.b`] = hostArray("float32", [outputs], new Float32Array(outputs));
  };
  conv("input", 7, 3, hidden);
  let inputs = hidden;
  for (let group = 1; group <= groups; group++) {
    const outputs = hidden * 2 ** (group - 1);
    for (let block = 1; block <= blocksPerGroup; block++) {
      const name = `group_${group}.block_${block}`;
      if (inputs !== outputs) conv(`${name}.id_path`, 1, inputs, outputs);
      const inner = outputs / 4;
      for (const i of [1, 2, 3]) conv(`${name}.res_path.conv_${i}`, 3, i === 1 ? inputs : inner, inner);
      conv(`${name}.res_path.conv_4`, 1, inner, outputs);
      inputs = outputs;
    }
  }
  conv("output.conv", 1, inputs, codes);
  (made["blocks.output.conv.b"] as HostArray).data[77] = 1;
  return made;
}
