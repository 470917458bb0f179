import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "@peco/artifacts";
import type { Dataset, Selection } from "@peco/data";
import { drawMask } from "@peco/masking";
import { psnr } from "@peco/metrics";
import { exportWeights } from "@peco/models";
import { fold, key, stream } from "@peco/random";
import type { Recipe } from "@peco/recipes";
import { type Evaluation, evaluation } from "@peco/report/evaluation";
import { executeStage, parseSpec, type Stage, type StageEvent } from "@peco/stage";
import { createLogger } from "@peco/telemetry";
import { loadModel, loadTokenizer, openData, StageCheckpoints, subtree, visionTransformerConfig } from "@peco/training";
import sharp from "sharp";
import { configure, encodeSafetensors, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateArm } from "../src/classification.ts";
import { evaluateStage } from "../src/evaluate.ts";
import { loadFinetuned } from "../src/inputs.ts";
import { CLASSES, CODES, COUNTS, publishClusters, recipe, type SmallStore, smallStore, vit } from "./small-store.ts";

configure({ intraOpThreads: 1, interOpThreads: 1 }); // as the stage will, before this file's own first tensor
const root = mkdtempSync(join(tmpdir(), "peco-evaluator-"));
afterAll(() => rmSync(root, { recursive: true }));
const log = createLogger("test", { level: "silent" });

async function evaluate(
  folder: string,
  inputs: Record<string, string>,
  options: {
    seed?: string;
    preflight?: boolean;
    signal?: AbortSignal;
    recipe?: Recipe;
    salt?: number;
    stage?: Stage;
    weights?: { path: string; digest: string };
    emit?: (event: StageEvent) => void;
  } = {},
) {
  const { seed = "1", preflight = false, signal = new AbortController().signal } = options;
  const { salt = Math.random(), emit = () => undefined } = options;
  const { weights } = options;
  const digests = { ...inputs, ...(weights && { weights: weights.digest }) };
  const parts = { stage: "evaluate", inputs: digests, seed, salt, ...(preflight ? { preflight } : {}) };
  const common = {
    store: folder,
    run: "test",
    recipe: options.recipe ?? recipe,
    masking: null,
    folder: null,
    weights: weights?.path ?? null,
    threads: 1,
  };
  const spec = parseSpec(
    { stage: "evaluate", key: digestOf(parts), parts, inputs, seed, preflight, ...common },
    "the test",
  );
  return executeStage(options.stage ?? evaluateStage, spec, { emit, signal, log });
}

async function read({ store }: SmallStore, artifact: string): Promise<Evaluation> {
  return evaluation.parse(JSON.parse(new TextDecoder().decode(await store.artifactBlob(artifact, "evaluation.json"))));
}

describe("with classes", () => {
  const folder = join(root, "classes");
  let made: SmallStore;
  let artifact: string;
  let result: Evaluation;
  let metrics: Readonly<Record<string, unknown>>;
  let tensorsLeft: number;
  beforeAll(async () => {
    made = await smallStore(folder);
    const before = tf.memory().numTensors;
    ({ artifact, metrics } = await evaluate(folder, made.inputs));
    tensorsLeft = tf.memory().numTensors - before;
    result = await read(made, artifact);
  });
  const labelled = (label: number) => made.test.filter((one) => one.label === label).length;

  it("takes the networks of the learning rate that was best on validation, and counts every test picture once", () => {
    const [pretrained, scratch] = result.classification?.arms ?? [];
    expect(pretrained).toMatchObject({
      name: "pretrained",
      lr: 0.002,
      rates: [
        { lr: 0.001, validation: [0.2, 0.3] },
        { lr: 0.002, validation: [0.6, 0.5] },
      ],
    });
    expect(scratch).toMatchObject({ name: "from-scratch", lr: 0.001 });
    const shareOf = (label: number) => labelled(label) / COUNTS.test;
    expect(pretrained?.mean).toEqual({ top1: shareOf(1), top5: 1, balanced: 1 / 3 });
    expect(scratch?.mean.top1).toBe(shareOf(0));
    expect(pretrained?.networks).toHaveLength(2);
    const twice = (label: number) => 2 * labelled(label);
    expect(pretrained?.confusion).toEqual([0, twice(0), 0, 0, twice(1), 0, 0, twice(2), 0]);
    expect(result.classification).toMatchObject({
      classes: CLASSES,
      chance: { commonest: shareOf(1), even: 1 / 3 },
      labels: COUNTS,
      probeLabels: 40,
    });
  });

  it("probes every block of both networks, and takes the best on validation", () => {
    const probes = result.classification?.probes ?? [];
    expect(probes.map(({ network }) => network)).toEqual(["pretrained", "random"]);
    for (const { blocks, block, top1 } of probes) {
      expect(blocks.map((one) => one.block)).toEqual([1, 2]);
      const chosen = blocks[block - 1];
      expect(chosen?.validation).toBe(Math.max(...blocks.map(({ validation }) => validation)));
      expect(top1).toBe(chosen?.test);
      expect(top1).toBeGreaterThan(0.7); // light alone tells most of these classes apart
    }
  });

  it("names pictures by their nearest neighbours, and takes the best number of them on validation", () => {
    const found = result.classification?.nearestNeighbours ?? [];
    const kinds = found.map(({ network, output }) => [network, output]);
    expect(kinds).toEqual(
      ["pretrained", "random"].flatMap((network) => ["class-token", "patch-mean"].map((output) => [network, output])),
    );
    for (const { pictures, results, neighbours, top1 } of found) {
      expect(pictures).toBe(40);
      expect(results.map((one) => one.neighbours)).toEqual([5, 10]);
      const chosen = results.find((one) => one.neighbours === neighbours);
      expect(chosen?.validation).toBe(Math.max(...results.map(({ validation }) => validation)));
      expect(top1).toBe(chosen?.test);
      expect(top1).toBeGreaterThan(0.6);
    }
  });

  it("measures reconstructions as the tokenizer itself draws them", async () => {
    using tokenizer = await loadTokenizer(made.store, made.inputs["tokenizer"] as string);
    const { size } = recipe.image;
    const [psnrs, histogram] = [[] as number[], new Array<number>(CODES).fill(0)];
    for (const { picture } of made.test) {
      const [tokens, drawn] = tf.tidy(() => {
        const codes = tokenizer.tokenise(tf.tensor4d(picture, [1, size, size, 3]));
        return [codes.dataSync(), (tokenizer.decode as NonNullable<typeof tokenizer.decode>)(codes).dataSync()];
      });
      psnrs.push(psnr(picture, Uint8ClampedArray.from(drawn)));
      for (const token of tokens) histogram[token] = (histogram[token] as number) + 1;
    }
    expect(result.codebook).toMatchObject({ size: CODES, tokens: COUNTS.test * 16, histogram });
    expect(result.codebook?.usage).toBeGreaterThan(0.5); // else this test says nothing
    expect(result.codebook?.usage).toBe(histogram.filter((count) => count > 0).length / CODES);
    const mean = psnrs.reduce((a, b) => a + b) / psnrs.length;
    expect(Math.abs((result.reconstruction?.psnr.mean ?? 0) - mean)).toBeLessThan(0.01);
    expect(result.reconstruction?.ssim?.mean).toBeLessThan(1);
  });

  it("counts hidden tokens that are named right", async () => {
    using tokenizer = await loadTokenizer(made.store, made.inputs["tokenizer"] as string);
    const { size } = recipe.image;
    const seed = fold(key(1), "evaluate", "mask");
    let [hidden, threes] = [0, 0];
    for (const [number, { picture }] of made.test.entries()) {
      const mask = drawMask(stream(fold(seed, number)), { rows: 4, columns: 4, ...recipe.pretrain.mask });
      const tokens = tf.tidy(() => tokenizer.tokenise(tf.tensor4d(picture, [1, size, size, 3])).dataSync());
      hidden += mask.reduce((a, b) => a + b, 0);
      threes += tokens.filter((token, patch) => token === 3 && mask[patch] === 1).length;
    }
    expect(threes).toBeGreaterThan(20);
    // The network always says code 3, with probability e / (e + 7).
    const loss = Math.log(Math.E + CODES - 1) - threes / hidden;
    expect(result.maskedTokens).toEqual({ masked: hidden, accuracy: threes / hidden, loss: expect.closeTo(loss, 4) });
  });

  it("shows pictures of all classes, with what they were drawn from", async () => {
    const { list, grid } = result.samples;
    expect(grid).toBe(4);
    const labels = list.map(({ label }) => label);
    expect(labels.slice(0, 3).toSorted()).toEqual(CLASSES.toSorted());
    expect(labels.slice(3)).toEqual(labels.slice(0, 2));
    for (const { hidden, right, attention, ...names } of list) {
      expect(attention).toHaveLength(recipe.vit.heads);
      expect(hidden).toBe(recipe.pretrain.mask.count);
      expect(right).toBeLessThanOrEqual(hidden);
      const pixels = async (name: string | null) =>
        sharp(await made.store.artifactBlob(artifact, name as string))
          .raw()
          .toBuffer();
      const [original, masked, prediction, reconstruction] = await Promise.all(
        [names.original, names.masked, names.prediction, names.reconstruction].map(pixels),
      );
      expect(made.test.some(({ picture }) => original?.equals(picture))).toBe(true);
      const grey = [...(masked as Buffer)].filter((value, i) => value === 128 && original?.[i] !== 128).length;
      expect(grey / (masked as Buffer).length).toBeGreaterThan(0.3);
      expect(prediction?.equals(reconstruction as Buffer)).toBe(right === hidden);
    }
  });

  it("tells the classes by the code words, chosen on nothing", () => {
    const words = result.classification?.codeWords ?? [];
    expect(words.map(({ representation }) => representation)).toEqual(["bag", "embeddings", "latents"]);
    for (const { test, validation, pooled } of words) {
      expect(pooled).toBe(false);
      expect(Math.min(test, validation)).toBeGreaterThan(0.7);
    }
  });

  it("asks tokens, pixels and features which of two changed pictures is nearer", () => {
    const { pictures, settings } = result.triples ?? { pictures: 0, settings: [] };
    expect(pictures).toBe(recipe.evaluate.triples);
    expect(settings.map(({ kind, shift, sigma }) => [kind, shift, sigma])).toEqual([
      ["shift", 1, 0.7],
      ["shift", 1, 1],
      ["shift", 1, 1.5],
      ["shift", 1, 2],
      ["shift", 2, 1.5],
      ["far-shift", 8, 0.5],
      ["other-picture", null, 1],
    ]);
    for (const { kind, distances } of settings) {
      expect(distances.map(({ distance }) => distance)).toEqual(["tokens", "pixels", "features"]);
      // These pictures are noise: a shift changes every pixel, a blur takes the noise away and leaves its mean.
      const pixels = distances[1];
      if (kind !== "other-picture") expect(pixels).toMatchObject({ score: kind === "shift" ? 0 : 1, ties: 0 });
    }
  });

  it("gives the same artifact again, and another for another seed", async () => {
    expect((await evaluate(folder, made.inputs)).artifact).toBe(artifact);
    expect((await evaluate(folder, made.inputs, { seed: "2" })).artifact).not.toBe(artifact);
  });

  it("leaves no tensor behind", () => expect(tensorsLeft).toBe(0));

  it("gives figures for scripts", () => {
    expect(metrics).toMatchObject({
      images: COUNTS.test,
      usage: result.codebook?.usage,
      top1Pretrained: labelled(1) / COUNTS.test,
      tokenBits: result.codebook?.bits,
      codeWordsBag: result.classification?.codeWords?.[0]?.test,
      reverseTriplesPixels: expect.closeTo(((result.triples?.settings[6]?.distances[1]?.score ?? 0) + 1) / 2, 12),
      shiftNearerPixels: 0,
    });
  });

  it("goes through everything with one batch in a preflight", async () => {
    const { artifact: short } = await evaluate(folder, made.inputs, { preflight: true });
    expect(await read(made, short)).toMatchObject({
      pictures: 32,
      samples: { list: [{}] },
      classification: { arms: [{}, {}] },
    });
  });

  it("stops when it is told to", async () => {
    const stopped = evaluate(folder, made.inputs, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ exitCode: 130 });
  });

  it("goes on after a kill with what it had measured, and ends with the same artifact", async () => {
    const [stop, salt] = [new AbortController(), 7];
    const partsOf = (events: StageEvent[]) =>
      new Set(events.flatMap((event) => (event.kind === "step" ? event.part : [])));
    const [before, after]: [StageEvent[], StageEvent[]] = [[], []];
    const killed = evaluate(folder, made.inputs, {
      salt,
      signal: stop.signal,
      emit: (event) => {
        before.push(event);
        if (event.kind === "step" && event.part === "code words, validation") stop.abort();
      },
    });
    await expect(killed).rejects.toMatchObject({ exitCode: 130 });
    const resumed = await evaluate(folder, made.inputs, { salt, emit: (event) => void after.push(event) });
    expect(resumed.artifact).toBe(artifact);
    expect(partsOf(before)).toContain("reconstruction, test");
    expect(partsOf(before)).toContain("neighbours by the random network, test");
    expect([...partsOf(after)]).toEqual([
      "code words, train",
      "code words, validation",
      "code words, test",
      "pictures to show, test",
    ]);
  });

  it("names an input of the wrong kind", async () => {
    const wrong = evaluate(folder, { ...made.inputs, tokenizer: made.inputs["pretrained"] as string });
    await expect(wrong).rejects.toMatchObject({
      exitCode: 76,
      message: expect.stringMatching(/"pretrained-vit" and not a "tokenizer"/),
    });
  });
});

/** The same pictures, whose last batch in order is never given. */
function withoutLastBatch(data: Dataset): Dataset {
  const batches = (spec: Parameters<Dataset["batches"]>[0] & { kind: "in-order" }) => {
    const whole = data.batches(spec);
    return { ...whole, steps: whole.steps - 1 };
  };
  return { batches, places: (selection: Selection) => data.places(selection) } as Dataset;
}

/** The pre-trained network as a file with timm's names. */
async function exported({ store, inputs }: SmallStore, path: string): Promise<{ path: string; digest: string }> {
  const { weights } = await loadModel(store, inputs["pretrained"] ?? "", ["pretrained-vit"], visionTransformerConfig);
  const shape = { vit, role: "encoder", pool: "mean", outputs: 0, tables: "shared", finalNorm: true } as const;
  const bytes = encodeSafetensors(exportWeights(subtree(weights, "vit"), shape).tensors);
  await writeFile(path, bytes);
  return { path, digest: createHash("sha256").update(bytes).digest("hex") };
}

describe("with what a run has no network for left out", () => {
  const folder = join(root, "parts");
  let made: SmallStore;
  beforeAll(async () => {
    made = await smallStore(folder);
  });
  const measured = async (...names: string[]) => {
    const inputs = Object.fromEntries(names.map((name) => [name, made.inputs[name] as string]));
    const { artifact, metrics } = await evaluate(folder, inputs);
    return { result: await read(made, artifact), metrics };
  };
  const classifiers = ["classifier", "classifierFromScratch"];
  const noTokens = { reconstruction: null, codebook: null, maskedTokens: null, samples: { grid: null } };

  it("takes the perceptual network itself, without tokenizer and pre-training", async () => {
    const { result, metrics } = await measured("data", "perceptualNetwork", ...classifiers);
    expect(result).toMatchObject(noTokens);
    expect(result.classification).toMatchObject({
      arms: [{ name: "pretrained", start: "perceptual-network" }, { start: "random" }],
      probes: [{ network: "perceptual-network" }, { network: "random" }],
      codeWords: null,
    });
    expect(result.triples?.settings[0]?.distances.map(({ distance }) => distance)).toEqual(["pixels", "features"]);
    expect(result.samples.list[0]).toMatchObject({ original: "original-1.png", reconstruction: null, masked: null });
    expect(metrics).not.toHaveProperty("usage");
    expect(metrics).toHaveProperty("probePerceptualNetwork");
  });

  it.each([7, 75, 100])("counts every test picture once in batches of %i", async (batch) => {
    const inputs = { data: made.inputs["data"] as string, classifier: made.inputs["classifier"] as string };
    const { artifact } = await evaluate(folder, inputs, {
      recipe: { ...recipe, evaluate: { ...recipe.evaluate, batch, triples: 0, pictures: 1 } },
    });
    const [arm] = (await read(made, artifact)).classification?.arms ?? [];
    expect(arm?.mean.top1).toBe(made.test.filter(({ label }) => label === 1).length / COUNTS.test);
    expect(arm?.confusion.reduce((a, b) => a + b)).toBe(2 * COUNTS.test);
  });

  it("says which pictures were counted where the last batch is missing", async () => {
    const stage: Stage = async (context) => {
      await using data = await openData(context.store, context.spec.inputs["data"] ?? "");
      const pass = { context, data: withoutLastBatch(data), checkpoints: await StageCheckpoints.open(context) };
      const arm = await loadFinetuned(context.store, context.spec.inputs["classifier"] ?? "");
      await evaluateArm(pass, { name: "pretrained", start: "pretrained" }, arm);
      return { artifact: "", metrics: {} };
    };
    await expect(evaluate(folder, made.inputs, { stage })).rejects.toThrow(
      "pictures 0 to 63 were counted, and not 0 to 74",
    );
  });

  it("takes a network that was pre-trained without tokens", async () => {
    const { result } = await measured("data", "pretrained", ...classifiers);
    expect(result).toMatchObject(noTokens);
    expect(result.classification?.probes[0]?.network).toBe("pretrained");
  });

  it("takes fine-tuned networks alone", async () => {
    const { result } = await measured("data", ...classifiers);
    expect(result).toMatchObject({ ...noTokens, classification: { arms: [{ start: "weights" }, {}], probes: [] } });
    expect(result.triples?.settings[0]?.distances.map(({ distance }) => distance)).toEqual(["pixels"]);
  });

  it("looks into the network of a file as into the same one that was trained here", async () => {
    const weights = await exported(made, join(folder, "network.safetensors"));
    const inputs = { data: made.inputs["data"] as string, classifier: made.inputs["classifier"] as string };
    const before = tf.memory().numTensors;
    const { artifact, metrics } = await evaluate(folder, inputs, { weights });
    expect(tf.memory().numTensors).toBe(before);
    const result = await read(made, artifact);
    expect(result).toMatchObject({
      ...noTokens,
      classification: { arms: [{ start: "weights" }], probes: [{ network: "weights" }, { network: "random" }] },
    });
    const trained = (await measured("data", "pretrained", "classifier")).result;
    const found = ({ classification }: Evaluation) => [
      classification?.probes[0]?.blocks,
      classification?.nearestNeighbours.filter(({ network }) => network !== "random").map(({ results }) => results),
    ];
    expect(found(result)).toEqual(found(trained));
    expect(result.samples.list[0]?.attention).toHaveLength(recipe.vit.heads);
    expect(metrics).toMatchObject({ probeWeights: result.classification?.probes[0]?.top1 });
    expect(metrics).toHaveProperty("neighboursWeights");
  });

  it("brings the network of a file to the size of the pictures", async () => {
    const weights = await exported(made, join(folder, "network.safetensors"));
    const inputs = { data: made.inputs["data"] as string, classifier: made.inputs["classifier"] as string };
    const size = recipe.image.size - recipe.image.patch;
    const smaller = { ...recipe, image: { ...recipe.image, size } };
    const { probes } = (await read(made, (await evaluate(folder, inputs, { weights, recipe: smaller })).artifact))
      .classification as NonNullable<Evaluation["classification"]>;
    expect(probes.map(({ network, blocks }) => [network, blocks.length])).toEqual([
      ["weights", 2],
      ["random", 2],
    ]);
  });

  it("probes as BEiT does where the recipe says so, with last and best epoch", async () => {
    const { probe } = recipe.evaluate;
    const adamw = { ...probe.adamw, epochs: 3, batch: 16, lr: 0.05 };
    const inputs = { data: made.inputs["data"] as string, pretrained: made.inputs["pretrained"] as string };
    const { artifact } = await evaluate(
      folder,
      { ...inputs, classifier: made.inputs["classifier"] as string },
      { recipe: { ...recipe, evaluate: { ...recipe.evaluate, probe: { ...probe, method: "adamw", adamw } } } },
    );
    const [pretrained] = (await read(made, artifact)).classification?.probes ?? [];
    expect(pretrained).toMatchObject({ network: "pretrained", method: "adamw" });
    for (const { validation, best } of pretrained?.blocks ?? []) {
      expect(best?.validation).toBeGreaterThanOrEqual(validation);
      expect([1, 2, 3]).toContain(best?.epoch);
      expect(best?.test).toBeGreaterThan(0.5);
    }
  });

  it("takes a tokenizer without a decoder", async () => {
    const tokenizer = await publishClusters(made);
    const inputs = { ...made.inputs, tokenizer };
    const result = await read(made, (await evaluate(folder, inputs)).artifact);
    expect(result).toMatchObject({ reconstruction: null, codebook: { size: CODES }, samples: { grid: 4 } });
    expect(result.maskedTokens?.masked).toBeGreaterThan(0);
    expect(result.samples.list[0]).toMatchObject({ reconstruction: null, masked: "masked-1.png", prediction: null });
    expect(result.classification?.codeWords?.map(({ representation }) => representation)).toEqual([
      "bag",
      "embeddings",
      "latents",
    ]);
  });
});

it("gives a tokenizer that is blind to everything half of all triples", async () => {
  const folder = join(root, "blind");
  const made = await smallStore(folder, { flat: true });
  const inputs = { data: made.inputs["data"] as string, tokenizer: await publishClusters(made, { blind: true }) };
  const { triples, codebook } = await read(made, (await evaluate(folder, inputs)).artifact);
  expect(codebook).toMatchObject({ usage: 1 / CODES, perplexity: 1, bits: 0 });
  for (const { distances } of triples?.settings ?? []) {
    expect(distances.map(({ distance }) => distance)).toEqual(["tokens", "pixels"]);
    expect(distances[0]).toEqual({ distance: "tokens", score: 0.5, ties: 1 });
  }
});

it("without classes leaves out what needs them, and says so", async () => {
  const folder = join(root, "flat");
  const made = await smallStore(folder, { flat: true });
  const { artifact, metrics } = await evaluate(folder, made.inputs);
  const result = await read(made, artifact);
  expect(result).toMatchObject({
    classification: null,
    withoutClasses: expect.stringMatching(/without classes/),
    pictures: COUNTS.test,
  });
  expect(result.samples.list.map(({ label }) => label)).toEqual([null, null, null, null, null]);
  expect(metrics).not.toHaveProperty("top1Pretrained");
});
