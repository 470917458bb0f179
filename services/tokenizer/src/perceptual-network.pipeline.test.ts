import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store, sha256 } from "@peco/artifacts";
import type { StageProgress } from "@peco/stage";
import { loadPerceptualNetwork } from "@peco/training";
import { encodeSafetensors, type HostArray, random, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { codebookStage, perceptualNetworkStage } from "./index.ts";

let folder: string;
let inputs: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "peco-weights-"));
  inputs = await untrainedStore(join(folder, "store"), shortRecipe());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Convolutions of VGG-16 under torchvision's names, by He's law. */
function vgg16(): Record<string, HostArray> {
  const widths = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512];
  const file: Record<string, HostArray> = {};
  let [number, inputs] = [0, 3];
  for (const outputs of widths) {
    if (outputs > 0) {
      const name = `features.${number}`;
      file[`${name}.weight`] = drawn([outputs, inputs, 3, 3], Math.sqrt(2 / (9 * inputs)));
      file[`${name}.bias`] = drawn([outputs], 0.01);
      inputs = outputs;
    }
    // a convolution has a ReLU after it
    number += outputs > 0 ? 2 : 1;
  }
  return file;
}

/** Uniform numbers of a deviation, by a small generator: a file of VGG-16 has 15 million of them. */
function drawn(shape: number[], deviation: number): HostArray {
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  let state = 12345;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = (state / 2 ** 31) * Math.sqrt(3) * deviation;
  }
  return { dtype: "float32", shape, data };
}

describe("a perceptual network of somebody else's weights", () => {
  const sets = () => [
    "perceptualNetwork.source=weights",
    "perceptualNetwork.preset=vgg16",
    `perceptualNetwork.weights=${join(folder, "vgg16.safetensors")}`,
    "codebook.loss.norm=none",
    "codebook.loss.layers=[1,5]",
    "codebook.steps=3",
  ];

  it("is published with its own preprocessing, the file's digest and its licence, and compares pictures", {
    timeout: 300_000,
  }, async () => {
    const bytes = encodeSafetensors(vgg16());
    await writeFile(join(folder, "vgg16.safetensors"), bytes);
    const recipe = shortRecipe(...sets());
    const path = join(folder, "store");
    const notes: string[] = [];
    const onEvent = (event: StageProgress) => {
      if (event.kind === "note") notes.push(event.text);
    };
    const spec = specFor("perceptual-network", { store: path, recipe, inputs });
    expect(spec.parts).toMatchObject({ inputs: { weights: sha256(bytes) }, seed: null });
    expect(JSON.stringify(spec.parts)).not.toContain(folder);
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(perceptualNetworkStage, spec, { onEvent });
    expect(tf.memory().numTensors).toBe(before);
    const licence = expect.stringContaining("BSD-3-Clause");
    expect(metrics).toMatchObject({ steps: 0, preset: "vgg16", file: "vgg16.safetensors", licence });
    expect(notes).toEqual([expect.stringMatching(/vgg16\.safetensors \(vgg16\) are under BSD-3-Clause/)]);

    const store = await Store.open(path);
    const { meta } = await store.manifest(artifact);
    expect(meta).toMatchObject({
      preprocessing: { size: 32, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      origin: { preset: "vgg16", digest: sha256(bytes), licence },
    });
    using network = await loadPerceptualNetwork(store, artifact);
    tf.tidy(() => {
      const pictures = random.uniform(random.key(1), [2, 32, 32, 3], -20, 280) as tf.Tensor4D;
      const shapes = network
        .features([1, 5])(pictures)
        .map(({ shape }) => shape);
      expect(shapes).toEqual([
        [2, 1024, 64],
        [2, 4, 512],
      ]);
    });

    const codebook = specFor("codebook", { store: path, recipe, inputs: { ...inputs, perceptualNetwork: artifact } });
    const trained = await runHere(codebookStage, codebook);
    expect(trained.metrics["perceptual"]).toBeGreaterThan(0);
  });

  it("is not taken from a file that was changed after the run began", async () => {
    const file = join(folder, "changing.safetensors");
    await writeFile(file, encodeSafetensors({ a: drawn([2], 1) }));
    const recipe = shortRecipe(...sets(), `perceptualNetwork.weights=${file}`);
    const spec = specFor("perceptual-network", { store: join(folder, "store"), recipe, inputs });
    await writeFile(file, encodeSafetensors({ a: drawn([3], 1) }));
    const changed = { name: "WeightsChanged", exitCode: 65, path: file };
    await expect(runHere(perceptualNetworkStage, spec)).rejects.toMatchObject(changed);
    await rm(file);
    await expect(runHere(perceptualNetworkStage, spec)).rejects.toMatchObject(changed);
  });
});
