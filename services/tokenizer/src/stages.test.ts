import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@peco/artifacts";
import { Dataset } from "@peco/data";
import { standardise } from "@peco/nn";
import { stageVersions } from "@peco/recipes";
import type { Stage, StageProgress, StageSpec } from "@peco/stage";
import { Diverged, loadPerceptualNetwork, loadTokenizer, type PerceptualVit, vqTokenizerConfig } from "@peco/training";
import { flatten, random, type Tree, tf } from "tfjs-libtensorflow";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { runHere, shortRecipe, specFor, untrainedStore } from "../../../libs/training/test/untrained-store.ts";
import { codebookStage, initPerceptualNetwork, perceptualNetworkStage } from "./index.ts";

const short = ["perceptualNetwork.steps=6", "codebook.steps=6"];

/** A store with pictures and a perceptual network, which each test gets a copy of. */
let base: string;
let inputs: Record<string, string>;
let store: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "peco-tokenizer-"));
  const recipe = shortRecipe(...short);
  inputs = await untrainedStore(base, recipe);
  const { artifact } = await runHere(
    perceptualNetworkStage,
    specFor("perceptual-network", { store: base, recipe, inputs }),
  );
  inputs["perceptualNetwork"] = artifact;
});
afterAll(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  store = await freshStore();
});
afterEach(() => rm(store, { recursive: true, force: true }));

async function freshStore(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "peco-tokenizer-"));
  await cp(base, folder, { recursive: true });
  return folder;
}

/** The specification of a stage in this test's store. */
function prepared(name: "perceptual-network" | "codebook", ...sets: string[]): StageSpec {
  return specFor(name, { store, recipe: shortRecipe(...short, ...sets), inputs });
}

async function history(artifact: string): Promise<Record<string, number>[]> {
  const bytes = await (await Store.open(store)).artifactBlob(artifact, "history.json");
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Stops a stage after its first checkpoint, and lets it go on: gives the first step that the second attempt saved. */
async function interrupted(stage: Stage, spec: StageSpec): Promise<{ artifact: string; firstSaved: number }> {
  const stop = new AbortController();
  const onFirst = ({ kind }: StageProgress) => {
    if (kind === "checkpoint") stop.abort();
  };
  await expect(runHere(stage, spec, { onEvent: onFirst, signal: stop.signal })).rejects.toMatchObject({
    exitCode: 130,
  });
  const saved: number[] = [];
  const onEvent = (event: StageProgress) => {
    if (event.kind === "checkpoint") saved.push(event.step);
  };
  const { artifact } = await runHere(stage, spec, { onEvent });
  return { artifact, firstSaved: saved[0] ?? 0 };
}

describe("the stage perceptual-network", () => {
  it("publishes the encoder, learns, and leaves no tensor behind", async () => {
    const spec = prepared("perceptual-network", "perceptualNetwork.steps=60");
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(perceptualNetworkStage, spec);
    expect(tf.memory().numTensors).toBe(before);
    expect(metrics).toMatchObject({ steps: 60, images: 60 * 16 });
    expect(metrics["gflop"]).toBeGreaterThan(0);
    const rows = await history(artifact);
    expect(rows.at(-1)?.["loss"]).toBeLessThan(0.9 * (rows[0]?.["loss"] as number));

    using network = (await loadPerceptualNetwork(await Store.open(store), artifact)) as PerceptualVit;
    expect(network.config).toMatchObject({ size: 32, patch: 8, width: 32, depth: 2 });
    expect(network.vit.blocks).toHaveLength(2);
    expect(network.vit.norm?.scale.shape).toEqual([32]);
    expect(Object.keys(network.weights).filter((path) => /project|predict|slots/.test(path))).toEqual([]);
  });

  it("gives the same artifact when it was stopped and went on", async () => {
    const spec = prepared("perceptual-network", "perceptualNetwork.steps=8");
    const whole = await runHere(perceptualNetworkStage, spec);
    const resumed = await interrupted(perceptualNetworkStage, { ...spec, store: await freshStore() });
    expect(resumed.firstSaved).toBeGreaterThan(1);
    expect(resumed.artifact).toBe(whole.artifact);
  });

  it("publishes MoCo's start without training where the recipe wants a control", async () => {
    const sets = ["perceptualNetwork.source=untrained", "perceptualNetwork.steps=60"];
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(perceptualNetworkStage, prepared("perceptual-network", ...sets));
    expect(tf.memory().numTensors).toBe(before);
    expect(metrics).toEqual({ steps: 0, images: 0, gflop: 0 });
    expect(await history(artifact)).toEqual([]);

    using network = await loadPerceptualNetwork(await Store.open(store), artifact);
    const recipe = shortRecipe();
    const start = random.fold(random.key(1), "perceptual-network", "start");
    const state = initPerceptualNetwork(
      { vit: { ...recipe.image, ...recipe.vit }, recipe: recipe.perceptualNetwork, precision: "float32" },
      start,
    );
    for (const [path, tensor] of flatten(state.query.encoder as Tree<tf.Tensor>))
      expect(network.weights[path]?.data, path).toEqual(tensor.dataSync());
    tf.dispose(state as unknown as tf.TensorContainer);
  });

  it("makes the network of its own shape", async () => {
    const recipe = shortRecipe();
    const own = { ...recipe.vit, width: 48, depth: 3 };
    const sets = [`perceptualNetwork.vit=${JSON.stringify(own)}`, "perceptualNetwork.steps=2"];
    const { artifact } = await runHere(perceptualNetworkStage, prepared("perceptual-network", ...sets));
    using network = (await loadPerceptualNetwork(await Store.open(store), artifact)) as PerceptualVit;
    expect(network.config).toMatchObject({ width: 48, depth: 3 });
    expect(network.vit.blocks).toHaveLength(3);
  });

  it("ends a run that diverges", async () => {
    const spec = prepared("perceptual-network", "perceptualNetwork.optimizer.lr=1.0e+30");
    await expect(runHere(perceptualNetworkStage, spec)).rejects.toBeInstanceOf(Diverged);
  });
});

describe("the stage codebook", () => {
  it("publishes a tokenizer that reconstructs, and leaves no tensor behind", async () => {
    const spec = prepared("codebook", "codebook.steps=80");
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(codebookStage, spec);
    expect(tf.memory().numTensors).toBe(before);
    expect(metrics).toMatchObject({ steps: 80, images: 80 * 16 });
    const rows = await history(artifact);
    expect(rows.at(-1)?.["perceptual"]).toBeLessThan(0.9 * (rows[0]?.["perceptual"] as number));
    for (const { usage, perplexity } of rows as { usage: number; perplexity: number }[]) {
      expect(usage).toBeLessThanOrEqual(1);
      expect(perplexity).toBeLessThanOrEqual(16 * usage * (1 + 1e-5));
    }

    using tokenizer = await loadTokenizer(await Store.open(store), artifact);
    expect(tokenizer.config).toEqual(vqTokenizerConfig(shortRecipe().codebook));
    expect(tokenizer.codes).toBe(16);
    expect(tokenizer.side).toBe(4);
    tf.tidy(() => {
      const pictures = random.uniform(random.key(3), [3, 32, 32, 3], 0, 255) as tf.Tensor4D;
      const tokens = tokenizer.tokenise(pictures);
      expect(tokens.shape).toEqual([3, 4, 4]);
      const ids = tokens.dataSync();
      expect(Math.min(...ids)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...ids)).toBeLessThan(16);
      expect(tokenizer.decode?.(tokens).shape).toEqual(pictures.shape);
    });
  });

  it("gives the same artifact when it was stopped and went on, codes restarted on the way", async () => {
    const often = ["codebook.restartBelow=0.9", "codebook.decay=0.5"];
    const spec = prepared("codebook", ...often);
    const whole = await runHere(codebookStage, spec);
    const resumed = await interrupted(codebookStage, { ...spec, store: await freshStore() });
    expect(resumed.firstSaved).toBeGreaterThan(1);
    expect(resumed.artifact).toBe(whole.artifact);
  });

  it.each<[string, string[], number]>([
    ["one batch that has enough latents", ["codebook.size=16"], 1],
    ["further batches where one has too few latents", ["codebook.size=200"], 4],
    ["all parts of such batches", ["codebook.size=200", "codebook.microBatch=8"], 8],
    ["all parts of one batch, though one part were enough", ["codebook.size=16", "codebook.microBatch=8"], 2],
  ])("takes for the first codes %s", async (_, sets, count) => {
    const asked: number[] = [];
    const make = Dataset.prototype.batches;
    const spied = vi.spyOn(Dataset.prototype, "batches").mockImplementation(function (this: Dataset, spec) {
      const source = make.call(this, spec);
      const at = (number: number) => {
        asked.push(number);
        return source.at(number);
      };
      return { at } as never;
    });
    onTestFinished(() => spied.mockRestore());
    const { artifact } = await runHere(codebookStage, prepared("codebook", "codebook.batch=16", ...sets));
    // then training begins with its first batch
    expect(asked.slice(0, count + 1)).toEqual([...Array(count).keys(), 0]);
    using tokenizer = await loadTokenizer(await Store.open(store), artifact);
    expect(tokenizer.vectors?.shape).toEqual([sets[0] === "codebook.size=16" ? 16 : 200, 16]);
  });

  it("a preflight does one step", async () => {
    const recipe = shortRecipe(...short);
    const preflight = specFor("codebook", { store, recipe, inputs, preflight: true });
    expect((await runHere(codebookStage, preflight)).metrics).toMatchObject({ steps: 1 });
  });

  it("needs no perceptual network where the loss is of pixels alone", async () => {
    const recipe = shortRecipe(...short, "codebook.loss.perceptual=0");
    const spec = specFor("codebook", { store, recipe, inputs });
    expect(spec.inputs).not.toHaveProperty("perceptualNetwork");
    const { metrics } = await runHere(codebookStage, spec);
    expect(metrics).toMatchObject({ steps: 6, perceptual: 0 });
  });

  it("clusters the perceptual network's features where the recipe asks for no autoencoder", async () => {
    const spec = prepared("codebook", "codebook.source=feature-kmeans", "codebook.kmeansRounds=8");
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await runHere(codebookStage, spec);
    expect(tf.memory().numTensors).toBe(before);
    expect(metrics).toMatchObject({ steps: 8, vectors: 1024 });
    const losses = (await history(artifact)).map(({ loss }) => loss as number);
    expect(losses).toHaveLength(8);
    for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThanOrEqual((losses[i - 1] as number) + 1e-6);

    const open = await Store.open(store);
    const { gflop } = (await open.manifest(artifact)).meta;
    expect(gflop).toBeGreaterThan(0);
    expect(metrics["gflop"]).toBe(gflop);
    using tokenizer = await loadTokenizer(open, artifact);
    using network = await loadPerceptualNetwork(open, inputs["perceptualNetwork"] as string);
    expect(tokenizer.config).toMatchObject({ source: "feature-kmeans", layer: 2, norm: "layernorm", codes: 16 });
    expect(tokenizer).toMatchObject({ side: 4, pictureSize: 32, decode: null });
    tf.tidy(() => {
      const pictures = random.uniform(random.key(3), [3, 32, 32, 3], 0, 255) as tf.Tensor4D;
      const [features] = network.features([2])(pictures);
      const rows = tf.reshape<tf.Rank.R2>(standardise(features as tf.Tensor3D), [48, 32]);
      const all = tf.sum(tf.squaredDifference(tf.expandDims(rows, 1), tokenizer.vectors as tf.Tensor2D), 2);
      expect([...tokenizer.tokenise(pictures).dataSync()]).toEqual([...tf.argMin(all, 1).dataSync()]);
    });
    const again = await runHere(codebookStage, { ...spec, store: await freshStore() });
    expect(again.artifact).toBe(artifact);
  });

  it("clusters the same features where batches are given in parts", async () => {
    // 64 x 21 features are wanted: six batches of 16 x 16, which are twelve parts, of which eleven had been enough
    const few = ["codebook.source=feature-kmeans", "codebook.kmeansRounds=2", "codebook.size=21", "codebook.batch=16"];
    const figures = async (...sets: string[]) => {
      const spec = prepared("codebook", ...few, ...sets);
      const { vectors, images, loss } = (await runHere(codebookStage, spec)).metrics as Record<string, number>;
      return { vectors, images, loss };
    };
    const whole = await figures();
    const parts = await figures("codebook.microBatch=8");
    expect(whole).toMatchObject({ vectors: 6 * 16 * 16, images: 6 * 16 });
    expect(parts).toMatchObject({ vectors: whole.vectors, images: whole.images });
    expect(Math.abs((parts.loss as number) / (whole.loss as number) - 1)).toBeLessThan(1e-5);
  });

  it("refuses an artifact that is no perceptual network", async () => {
    const recipe = shortRecipe(...short);
    const wrong = { ...inputs, perceptualNetwork: inputs["data"] as string };
    const error = runHere(codebookStage, specFor("codebook", { store, recipe, inputs: wrong }));
    await expect(error).rejects.toMatchObject({ name: "WrongArtifact", exitCode: 76 });
  });
});

/**
 * The losses of five steps. When they change, so do the results of runs: raise the stage's number in `stageVersions` of
 * @peco/recipes, so that results of before are not taken for new ones, and put the new losses here.
 */
describe("the numerics of these versions", () => {
  const losses = async (stage: Stage, spec: StageSpec) =>
    (await history((await runHere(stage, spec)).artifact)).map(({ loss }) => loss as number);

  it("of perceptual-network", async () => {
    const found = await losses(perceptualNetworkStage, prepared("perceptual-network", "perceptualNetwork.steps=5"));
    expectClose(found, [3.28307, 2.5482, 2.38061, 2.23205, 2.21984]);
  });

  it("of codebook", async () => {
    expectClose(
      await losses(codebookStage, prepared("codebook", "codebook.steps=5")),
      [1.41715, 1.40449, 1.41645, 1.25256, 1.35209],
    );
  });

  it("have these numbers", () => {
    expect(stageVersions).toMatchObject({ "perceptual-network": 2, codebook: 3 });
  });
});

/** Another processor rounds otherwise, by far less than this. */
function expectClose(found: readonly number[], expected: readonly number[]): void {
  const distances = found.map((value, i) => Math.abs(value / (expected[i] as number) - 1));
  expect(distances).toHaveLength(expected.length);
  expect(Math.max(...distances)).toBeLessThan(1e-3);
}
