/**
 * One real optimizer step of the paper's networks on this machine: ViT-B/16 at 224 pixels with 8,192 codes of width 256, by
 * the recipe imagenet/peco-vit-b16-300ep but for its batch, with its memory and its time.
 *
 *     node tools/bench/src/vit-base-step.ts [--threads 2] [--batch 4] [--micro-batch 2] [--precision float32] [--parts tokenizer,pretrain]
 *
 * Prints JSON: for each part, in a process of its own, the largest resident memory of that process (VmHWM), what it had
 * before its first step, seconds of the first step, which traces and compiles, and of a second one. Parts:
 *
 * tokenizer: tokens of one micro-batch by a frozen VQGAN autoencoder and a given codebook.
 * pretrain, finetune: a step of the whole batch, computed in micro-batches; `recompute` off and on. Pre-training makes its
 * tokens with the same tokenizer, in the same program. Pictures are generated; weights are fresh.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { generatedPicture, partPlaces, stageDivision } from "@peco/data";
import { finetuneStep, initFinetuning } from "@peco/finetuner-service";
import { drawMask } from "@peco/masking";
import { encode, initVqAutoencoder, nearestCodes } from "@peco/models";
import { initPretraining, pretrainStep } from "@peco/pretrainer-service";
import { fold, key, stream } from "@peco/random";
import { loadRecipe, type Recipe } from "@peco/recipes";
import { compileStep, type HostBatch, type StepRunner } from "@peco/training";
import { configure, type HostArray, jit, random, State, tf } from "tfjs-libtensorflow";

/** What is measured, and by which recipe's `runtime.recompute`. */
const parts = ["tokenizer", "pretrain", "pretrain/blocks", "finetune", "finetune/blocks"] as const;
const classes = 1000;
const seed = key(1n);

/** Figures of one part. */
interface Figures {
  readonly part: string;
  readonly images: number;
  readonly peakBytes: number;
  readonly bytesBefore: number;
  readonly firstSeconds: number;
  readonly secondSeconds: number;
  /** Products and convolutions of a step, 10^9 operations, 2 per multiply-add. */
  readonly gflop?: number;
  readonly loss?: number;
  readonly parameters?: number;
}

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    batch: { type: "string", default: "4" },
    "micro-batch": { type: "string", default: "2" },
    precision: { type: "string", default: "float32" },
    compiler: { type: "string", default: "graph" },
    parts: { type: "string", default: parts.join(",") },
    only: { type: "string" },
  },
});

if (values.only === undefined) {
  const results = values.parts.split(",").map((part) => measuredApart(part));
  const { threads, batch, "micro-batch": microBatch, precision, compiler } = values;
  console.log(JSON.stringify({ threads, batch, microBatch, precision, compiler, parts: results }, null, 2));
} else {
  console.log(JSON.stringify(await measure(values.only)));
}

/** Measures a part in a process of its own, so that its peak is its own. */
function measuredApart(part: string): unknown {
  const script = new URL(import.meta.url).pathname;
  const { status, signal, stdout } = spawnSync(process.execPath, [script, ...process.argv.slice(2), "--only", part], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return status === 0 ? JSON.parse(stdout) : { part, failed: signal ?? status };
}

async function measure(part: string): Promise<Figures> {
  const threads = Number(values.threads);
  configure({ intraOpThreads: threads, interOpThreads: threads });
  const [name, recompute = "none"] = part.split("/");
  const { batch, "micro-batch": microBatch } = values;
  const sets = [
    ...["pretrain", "finetune"].flatMap((stage) => [`${stage}.batch=${batch}`, `${stage}.microBatch=${microBatch}`]),
    `finetune.mixGroup=${batch}`,
    `runtime.recompute=${recompute}`,
    `runtime.precision=${values.precision}`,
    `runtime.compiler=${values.compiler}`,
    `runtime.threads=${threads}`,
  ];
  const { recipe } = loadRecipe("imagenet/peco-vit-b16-300ep", { sets });
  if (name === "tokenizer") return { part, ...(await tokens(recipe)) };
  const stage = name === "pretrain" ? await pretraining(recipe) : finetuning(recipe);
  return { part, ...(await steps(stage.runner, stage.state, stage.batch, recipe, stage.stage)) };
}

/** The frozen tokenizer: a fresh autoencoder and a given codebook, as inputs of the program that uses it. */
function frozenTokenizer(recipe: Recipe) {
  const { size, width } = recipe.codebook;
  const autoencoder = initVqAutoencoder(recipe.codebook, random.key(2));
  const vectors = random.normal(random.key(3), [size, width]) as tf.Tensor2D;
  return (pictures: tf.Tensor4D): tf.Tensor3D => {
    const latents = encode(autoencoder, pictures, recipe.image);
    const [count, rows, columns] = latents.shape;
    return tf.reshape(nearestCodes(tf.reshape(latents, [-1, width]), vectors), [count, rows, columns]);
  };
}

async function tokens(recipe: Recipe): Promise<Omit<Figures, "part">> {
  const tokenise = frozenTokenizer(recipe);
  const images = recipe.pretrain.microBatch ?? recipe.pretrain.batch;
  const step = jit(
    (state: object, { pictures }: { pictures: tf.Tensor4D }) => ({ state, metrics: { tokens: tokenise(pictures) } }),
    { name: "tokenizer", compiler: recipe.runtime.compiler },
  );
  await using state = State.of({});
  const batch = { pictures: picturesOf(images, recipe.image.size) };
  const bytesBefore = memory("VmRSS");
  const times = await twice(() => step.run(state, batch, seed));
  return { images, bytesBefore, ...times, peakBytes: memory("VmHWM") };
}

async function pretraining(recipe: Recipe) {
  const { image, vit, runtime, pretrain, codebook } = recipe;
  const side = image.size / image.patch;
  const options = {
    vit: { ...image, ...vit },
    recipe: pretrain,
    dropPath: vit.dropPath,
    precision: runtime.precision,
    recompute: runtime.recompute,
    tokenizer: { codes: codebook.size, tokenise: frozenTokenizer(recipe) },
  };
  const division = stageDivision("pretrain", recipe);
  const runner = compileStep(pretrainStep(options), { name: "pretrain", compiler: runtime.compiler, division });
  const masks = Array.from({ length: pretrain.batch }, (_, i) =>
    drawMask(stream(fold(seed, "mask", i)), { rows: side, columns: side, ...pretrain.mask }),
  );
  const mask: HostArray = { dtype: "uint8", shape: [pretrain.batch, side ** 2], data: joined(masks) };
  const pictures = picturesOf(pretrain.batch, image.size);
  const state = tf.tidy(() => initPretraining(options, random.key(4)) as never);
  return { stage: "pretrain" as const, runner, state, batch: { view1: pictures, view2: pictures, mask } };
}

function finetuning(recipe: Recipe) {
  const { image, vit, runtime, finetune } = recipe;
  const { precision, recompute, compiler } = runtime;
  const options = { vit: { ...image, ...vit }, recipe: finetune, precision, recompute, classes };
  const division = stageDivision("finetune", recipe);
  const runner = compileStep(finetuneStep(options), { name: "finetune", compiler, division });
  const { batch } = finetune;
  const labels: HostArray = { dtype: "int32", shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i) };
  const boxes = Int32Array.from({ length: 4 * batch }, (_, i) => 20 + 10 * (i % 4));
  const erase: HostArray = { dtype: "int32", shape: [batch, 4], data: boxes };
  const state = initFinetuning(options, random.key(4)) as never;
  return {
    stage: "finetune" as const,
    runner,
    state,
    batch: { images: picturesOf(batch, image.size), labels, erase },
  };
}

async function steps(
  runner: StepRunner<never>,
  initial: never,
  batch: HostBatch,
  recipe: Recipe,
  stage: "pretrain" | "finetune",
): Promise<Omit<Figures, "part">> {
  await using state = State.of(initial) as State<never>;
  tf.dispose(initial);
  const division = stageDivision(stage, recipe);
  const take = async (part: number) => (division === null ? batch : rows(batch, partPlaces(division, part)));
  const at = { hyper: { lr: 1e-4 }, key: random.key(7) };
  const bytesBefore = memory("VmRSS");
  let loss = Number.NaN;
  const times = await twice(async () => {
    const metrics = await runner.run(state, take, at);
    if (metrics.finite !== 1) throw new Error(`${stage}: the step was not finite`);
    loss = metrics.loss;
  });
  const parameters = state.variables
    .filter(({ path }) => /^(model|classifier)\./.test(path))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { batch: images } = recipe[stage];
  return { images, bytesBefore, ...times, gflop: runner.flops() / 1e9, loss, parameters, peakBytes: memory("VmHWM") };
}

async function twice(run: () => Promise<unknown>): Promise<{ firstSeconds: number; secondSeconds: number }> {
  const started = performance.now();
  await run();
  const between = performance.now();
  await run();
  return { firstSeconds: (between - started) / 1000, secondSeconds: (performance.now() - between) / 1000 };
}

/** A figure of this process as Linux tells it, in bytes. */
function memory(name: "VmRSS" | "VmHWM"): number {
  const [, kilobytes] = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** The rows of a batch's arrays at some places. */
function rows(batch: HostBatch, places: Int32Array): HostBatch {
  return Object.fromEntries(
    Object.entries(batch).map(([name, { dtype, shape, data }]) => {
      const row = data.length / (shape[0] as number);
      const chosen = [...places].map((place) => data.subarray(place * row, (place + 1) * row));
      const taken = dtype === "uint8" ? joined(chosen as Uint8Array[]) : Int32Array.from(chosen.flatMap((r) => [...r]));
      return [name, { dtype, shape: [places.length, ...shape.slice(1)], data: taken } as HostArray];
    }),
  );
}

function joined(arrays: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(arrays));
}

function picturesOf(count: number, size: number): HostArray<"uint8"> {
  const drawn = Array.from({ length: count }, (_, i) => Uint8Array.from(generatedPicture(fold(seed, i), size).pixels));
  return { dtype: "uint8", shape: [count, size, size, 3], data: joined(drawn) };
}
