import { readFileSync } from "node:fs";
import { digestOf, type Manifest, type RunStage, Store } from "@peco/artifacts";
import { fold, key, type Stream, stream } from "@peco/random";
import { type Evaluation, evaluation } from "../src/index.ts";
import { EXAMPLE_CLASSES, examplePicture } from "./example-pictures.ts";

/** What an example run is to be like. */
export interface ExampleOptions {
  seeds?: string[];
  /** Without classes: no fine-tuning, no accuracies. */
  flat?: boolean;
  /** Names of classes, to try long and odd ones. */
  classes?: string[];
  pictures?: number;
  /** Of somebody else's weights, what the stage's own artifact says of them. */
  weights?: readonly { stage: string; digest: string; origin?: object }[];
}

/** Makes a store in `folder` with a finished run that looks like a small one; gives the store and the run's id. */
export async function exampleRun(folder: string, options: ExampleOptions = {}): Promise<{ store: Store; id: string }> {
  const seeds = options.seeds ?? ["1"];
  const store = await Store.open(folder, { create: true });
  const stages: RunStage[] = [];
  for (const seed of seeds) stages.push(...(await exampleStages(store, seed, options)));
  const record = await store.runs.create({
    state: "done",
    process: { pid: process.pid, started: "1", host: "example" },
    ended: new Date(Date.now() + 401_000).toISOString(),
    seconds: 401.3 * seeds.length,
    recipe: { name: "small", resolved: recipe },
    data: options.flat ? "/data/Photos & scans" : null,
    seeds,
    stages,
    failure: null,
    machine: {
      system: "Linux 6.1 x64",
      processor: "Intel Xeon (2 cores of a larger machine)",
      cores: 2,
      memoryBytes: 24 * 2 ** 30,
      device: "CPU",
    },
    software: {
      peco: "0.1.0",
      node: "24.21.0",
      tensorflow: "2.21.0",
      compiler: "graph",
      precision: "float32",
      threads: 2,
    },
    notes: [],
  });
  return { store, id: record.id };
}

const recipe = {
  image: { size: 32, patch: 8, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  vit: { width: 64, depth: 3, heads: 4, mlpRatio: 4, positions: "sincos", dropPath: 0 },
  perceptualNetwork: { weights: "weights/moco.safetensors" },
  codebook: {
    steps: 1000,
    batch: 64,
    size: 256,
    width: 32,
    decay: 0.97,
    commitment: 0.25,
    loss: { pixel: 0.1, perceptual: 1, layers: [2, 3] },
  },
  pretrain: {
    steps: 2400,
    batch: 64,
    mask: { count: 6, minBlock: 4, form: "exactly" },
    optimizer: { lr: 0.002, betas: [0.9, 0.98], weightDecay: 0.05, clip: 3 },
  },
  finetune: {
    weights: "weights/dino.safetensors",
    steps: 600,
    batch: 32,
    lrs: [0.001, 0.002],
    repeats: 2,
    smoothing: 0.1,
  },
};

/** What stands for the contents of the folder of a run without classes. */
export const folderDigest = "f".repeat(64);

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

async function exampleStages(store: Store, seed: string, options: ExampleOptions): Promise<RunStage[]> {
  const s = stream(fold(key(BigInt(seed)), "example"));
  const classes = options.flat ? null : (options.classes ?? EXAMPLE_CLASSES);
  const stages: RunStage[] = [];
  const made = new Map<string, string>();
  const add = async (
    name: string,
    kind: string,
    inputs: string[],
    seconds: number,
    content: { meta?: object; files?: Record<string, Uint8Array>; metrics?: object },
  ) => {
    const blobs = Object.fromEntries(
      await Promise.all(
        Object.entries(content.files ?? {}).map(async ([file, bytes]) => [file, await store.putBlob(bytes)] as const),
      ),
    );
    const from = Object.fromEntries(inputs.map((input) => [input, made.get(input) as string]));
    const weights = options.weights?.find(({ stage }) => stage === name) ?? null;
    const meta = { seed, ...content.meta, ...(weights?.origin !== undefined && { origin: weights.origin }) };
    const digest = await store.publish({ kind, blobs, inputs: from, meta: meta as Manifest["meta"] });
    made.set(name, digest);
    const outside = {
      ...(name === "data" && options.flat ? { folder: folderDigest } : {}),
      ...(weights === null ? {} : { weights: weights.digest }),
    };
    const parts = { stage: name, inputs: { ...from, ...outside }, seed };
    const stageKey = digestOf(parts);
    await store.finish(stageKey, { stage: name, parts, artifact: digest, metrics: {}, record: {} });
    stages.push({
      name,
      seed,
      state: name === "data" && seed !== "1" ? "cached" : "ran",
      key: stageKey,
      artifact: digest,
      seconds,
      metrics: (content.metrics ?? {}) as RunStage["metrics"],
    });
  };
  const trainer = (steps: number, images: number, gflop: number, stepSeconds: number) => ({
    steps,
    images,
    gflop,
    stepSeconds,
    waitShare: 0.004,
  });
  const history = (steps: number, fields: Record<string, [number, number, number]>) => json(curve(s, steps, fields));

  await add("data", "data", [], 6.2, { files: { "index.json": json(dataIndex(classes)) } });
  await add("perceptual-network", "perceptual-network", ["data"], 92, {
    metrics: trainer(1400, 179_200, 4052, 84),
    files: { "history.json": history(1400, { loss: [1.66, 0.55, 0.05] }) },
  });
  await add("codebook", "tokenizer", ["data", "perceptual-network"], 71, {
    metrics: trainer(1000, 64_000, 3225, 66),
    files: { "history.json": history(1000, { loss: [1.9, 0.14, 0.012], perplexity: [60, 214, 5] }) },
  });
  await add("pretrain", "pretrained-vit", ["data", "codebook"], 104, {
    metrics: trainer(2400, 153_600, 3537, 98),
    files: { "history.json": history(2400, { loss: [5.5, 4.05, 0.03], accuracy: [0.01, 0.142, 0.006] }) },
  });
  if (classes !== null) {
    const networks = (last: number) =>
      json(
        Object.fromEntries(
          ["lr 0.001, repeat 1", "lr 0.001, repeat 2", "lr 0.002, repeat 1", "lr 0.002, repeat 2"].map((part) => [
            part,
            curve(s, 600, { loss: [2.85, last, 0.05] }),
          ]),
        ),
      );
    await add("finetune", "classifier", ["data", "pretrain"], 42, {
      metrics: trainer(2400, 76_800, 1304, 38),
      files: { "history.json": networks(0.7) },
    });
    await add("finetune-from-scratch", "classifier", ["data"], 41, {
      metrics: trainer(2400, 76_800, 1304, 37),
      files: { "history.json": networks(1.5) },
    });
  }
  const { value, files } = await exampleEvaluation(s, classes, options.pictures ?? 8);
  const inputs = [
    "data",
    "perceptual-network",
    "codebook",
    "pretrain",
    ...(classes === null ? [] : ["finetune", "finetune-from-scratch"]),
  ];
  await add("evaluate", "evaluation", inputs, 24, { files: { "evaluation.json": json(value), ...files } });
  return stages;
}

function curve(s: Stream, steps: number, fields: Record<string, [number, number, number]>): object[] {
  return Array.from({ length: 200 }, (_, row) => {
    const at = (row + 1) / 200;
    const values = Object.entries(fields).map(([name, [from, to, noise]]) => [
      name,
      to + (from - to) * Math.exp(-5 * at) * (1 - at * 0.3) + s.normal(0, noise),
    ]);
    return { step: Math.round(at * steps), ...Object.fromEntries(values) };
  });
}

function dataIndex(classes: string[] | null): object {
  const splits = [
    ["train", 8192],
    ["validation", 1000],
    ["test", 4000],
  ] as const;
  const pictures = splits.flatMap(([split, count]) =>
    Array.from({ length: count }, (_, i) => ({
      name: `${split}/${i}.png`,
      hash: "0".repeat(64),
      label: classes === null ? null : i % classes.length,
      split,
      labelled: classes !== null && split === "train" && i < 320,
    })),
  );
  const skipped =
    classes === null
      ? [
          { name: "old/IMG <0012>.jpg", reason: "it ends too early" },
          { name: "notes.txt.png", reason: "it is no picture" },
        ]
      : [];
  const copies =
    classes === null
      ? { files: 12, acrossSplits: 2, acrossClasses: 0 }
      : { files: 0, acrossSplits: 0, acrossClasses: 0 };
  return { format: 1, side: 32, classes: classes ?? [], pictures, skipped, copies };
}

async function exampleEvaluation(
  s: Stream,
  classes: string[] | null,
  count: number,
): Promise<{ value: Evaluation; files: Record<string, Uint8Array> }> {
  const files: Record<string, Uint8Array> = {};
  const list = [];
  for (let i = 0; i < count; i++) {
    const picture = await examplePicture(i);
    for (const name of ["original", "reconstruction", "masked", "prediction"] as const)
      files[`${name}-${i}.png`] = picture[name];
    const names = {
      original: `original-${i}.png`,
      reconstruction: `reconstruction-${i}.png`,
      masked: `masked-${i}.png`,
      prediction: `prediction-${i}.png`,
    };
    list.push({
      label: classes === null ? null : (classes[(i * 5) % classes.length] as string),
      ...names,
      hidden: 6,
      right: s.integer(0, 2),
      attention: [1, 2, 3, 4].map((head) => {
        files[`attention-${head}-${i}.png`] = picture.masked;
        return `attention-${head}-${i}.png`;
      }),
    });
  }
  const histogram = Array.from({ length: 256 }, () => Math.round(250 * Math.exp(s.normal(0, 0.42))));
  histogram[17] = 0;
  const tokens = histogram.reduce((a, b) => a + b);
  const entropy = histogram.reduce((sum, n) => sum - (n === 0 ? 0 : (n / tokens) * Math.log(n / tokens)), 0);
  const value: Evaluation = {
    format: 2,
    pictures: 4000,
    size: 32,
    classification: classes === null ? null : exampleClassification(s, classes),
    withoutClasses:
      classes === null
        ? "The pictures lie in one flat folder, so there are no classes to learn: fine-tuning and top-1 are left out."
        : null,
    reconstruction: {
      psnr: { mean: 19.4 + s.normal(0, 0.2), deviation: 1.9 },
      ssim: { mean: 0.612 + s.normal(0, 0.01), deviation: 0.08 },
    },
    codebook: {
      size: 256,
      tokens,
      usage: histogram.filter((n) => n > 0).length / 256,
      perplexity: Math.exp(entropy),
      bits: entropy / Math.LN2,
      histogram,
    },
    maskedTokens: { masked: 24_000, accuracy: 0.139 + s.normal(0, 0.004), loss: 4.11 },
    triples: exampleTriples(),
    samples: { grid: 4, list },
  };
  return { value: evaluation.parse(value), files };
}

function exampleTriples(): Evaluation["triples"] {
  const laws = [
    ["shift", 1, 0.7, 0.113, 0.004],
    ["shift", 1, 1, 0.333, 0.114],
    ["shift", 1, 1.5, 0.683, 0.255],
    ["shift", 1, 2, 0.863, 0.378],
    ["shift", 2, 1.5, 0.305, 0.045],
    ["far-shift", 8, 0.5, 0.98, 1],
    ["other-picture", null, 1, 0.97, 0.99],
  ] as const;
  return {
    pictures: 1000,
    settings: laws.map(([kind, shift, sigma, tokens, pixels]) => ({
      kind,
      shift,
      sigma,
      distances: [
        { distance: "tokens", score: tokens, ties: 0.12 },
        { distance: "pixels", score: pixels, ties: 0 },
        { distance: "features", score: (1 + tokens) / 2, ties: 0 },
      ],
    })),
  };
}

function exampleClassification(s: Stream, classes: string[]): NonNullable<Evaluation["classification"]> {
  const n = classes.length;
  const exampleArm = (name: "pretrained" | "from-scratch", level: number) => {
    const networks = [0, 1].map(() => {
      const top1 = level + s.normal(0, 0.012);
      return {
        top1,
        top5: Math.min(0.98, top1 + 0.37),
        balanced: top1 - 0.004,
        validation: top1,
        best: { step: 600, validation: top1 },
        average: null,
      };
    });
    const [a, b] = networks as [(typeof networks)[0], (typeof networks)[0]];
    const mean = { top1: (a.top1 + b.top1) / 2, top5: (a.top5 + b.top5) / 2, balanced: (a.balanced + b.balanced) / 2 };
    const confusion = Array.from({ length: n * n }, (_, cell) => {
      const [row, column] = [Math.floor(cell / n), cell % n];
      const kin = Math.floor(row / 4) === Math.floor(column / 4) ? 2.2 : row % 4 === column % 4 ? 1.6 : 0.6;
      return Math.round((row === column ? level : ((1 - level) * kin) / n) * (500 + s.normal(0, 60)));
    });
    const rates = [0.001, 0.002].map((lr) => ({
      lr,
      validation: [level + s.normal(0, 0.02), level + s.normal(0, 0.02)],
    }));
    return {
      name,
      start: name === "pretrained" ? name : ("random" as const),
      rates,
      lr: 0.002,
      networks,
      mean,
      averageMean: null,
      confusion,
    };
  };
  const blocks = (levels: number[]) =>
    levels.map((test, i) => ({ block: i + 1, validation: test + 0.004, test, best: null }));
  return {
    classes,
    chance: { commonest: 0.0665, even: 1 / n },
    labels: { train: 320, validation: 1000, test: 4000 },
    arms: [exampleArm("pretrained", 0.418), exampleArm("from-scratch", 0.221)],
    probeLabels: 4000,
    probes: [
      { network: "pretrained", method: "lbfgs", blocks: blocks([0.27, 0.36, 0.404]), block: 3, top1: 0.404 },
      { network: "random", method: "lbfgs", blocks: blocks([0.171, 0.166, 0.158]), block: 1, top1: 0.171 },
    ],
    nearestNeighbours: [
      {
        network: "pretrained",
        output: "patch-mean",
        pictures: 4000,
        results: [10, 20, 100, 200].map((neighbours, i) => ({
          neighbours,
          validation: 0.31 - i / 99,
          test: 0.3 - i / 99,
        })),
        neighbours: 10,
        top1: 0.3,
      },
    ],
    codeWords: [
      { representation: "bag", pooled: false, validation: 0.2, test: 0.204 },
      { representation: "embeddings", pooled: false, validation: 0.36, test: 0.363 },
      { representation: "latents", pooled: false, validation: 0.37, test: 0.371 },
    ],
  };
}

if (import.meta.main) {
  const { renderReport } = await import("../src/index.ts");
  const { mkdtempSync, writeFileSync } = await import("node:fs");
  const out = process.argv[2] as string;
  const folder = mkdtempSync("/tmp/peco-example-");
  const options = JSON.parse(process.argv[3] ?? "{}") as ExampleOptions;
  const { store, id } = await exampleRun(folder, options);
  writeFileSync(out, await renderReport(store, id));
  console.log(out, readFileSync(out).length);
}
