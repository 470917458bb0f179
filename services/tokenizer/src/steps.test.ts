import { perceptualFeatures, startCodebook } from "@peco/models";
import { wholeStep } from "@peco/training";
import { type HostArray, jit, random, State, type Tree, tf } from "tfjs-libtensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import {
  type CodebookState,
  codebookStep,
  initAutoencoder,
  initialCodebookState,
  initPerceptualNetwork,
  type PerceptualNetworkState,
  perceptualNetworkStep,
} from "./index.ts";

const recipe = shortRecipe();
const vit = { ...recipe.image, ...recipe.vit };
const key = random.key(5);

/** Pictures with structure, the same on every call. */
function pictures(seed: number): HostArray<"uint8"> {
  const { size } = recipe.image;
  const data = Uint8Array.from(
    { length: 8 * size * size * 3 },
    (_, i) => 128 + 120 * Math.sin(i * (0.01 + seed / 100)),
  );
  return { dtype: "uint8", shape: [8, size, size, 3], data };
}

const moco = { vit, recipe: recipe.perceptualNetwork, precision: "float32" } as const;
const mocoBatch = (lr: number) => ({
  data: { view1: pictures(1), view2: pictures(2) },
  hyper: { lr, momentum: 0.9 },
});
let network: PerceptualNetworkState;
let tokenizer: CodebookState;
beforeAll(() => {
  network = initPerceptualNetwork(moco, key);
  const vectors = random.normal(key, [recipe.codebook.size, recipe.codebook.width]) as tf.Tensor2D;
  tokenizer = initialCodebookState(recipe.codebook, initAutoencoder(recipe.codebook, key), startCodebook(vectors, 8));
});
afterAll(() => tf.dispose([network, tokenizer] as unknown as tf.TensorContainer));

const features = () => perceptualFeatures(network.query.encoder, vit, recipe.codebook.loss.layers);
const codebook = () =>
  ({ recipe: recipe.codebook, normalisation: vit, precision: "float32", features: features() }) as const;
const codebookBatch = (lr: number) => ({ data: { images: pictures(1) }, hyper: { lr } });

const changed = (before: Record<string, HostArray>, after: Record<string, HostArray>) =>
  Object.keys(before).filter((path) => before[path]?.data.join() !== after[path]?.data.join());

describe("the step of the perceptual network", () => {
  it("is the same where blocks are computed again for their gradients", async () => {
    const after = async (recompute: "none" | "blocks") => {
      await using state = State.of(network);
      const step = jit(perceptualNetworkStep({ ...moco, recompute }), { name: "moco", compiler: "graph" });
      const { loss } = await step.run(state, mocoBatch(0), key);
      const operations = step.program(state, mocoBatch(0)).operations.length;
      step.dispose();
      return { loss, operations, snapshot: await state.snapshot() };
    };
    const [kept, again] = [await after("none"), await after("blocks")];
    expect(again.operations).toBeGreaterThan(kept.operations);
    expect(again.loss).toBeCloseTo(kept.loss as number, 6);
    // the first moments are the gradients' shares, as no rate has moved anything
    for (const [path, { data }] of Object.entries(kept.snapshot)) {
      const found = again.snapshot[path]?.data as Float32Array;
      const largest = Math.max(...Array.from(data as Float32Array, Math.abs), 1e-6);
      const distance = Math.max(
        ...Array.from(data as Float32Array, (value, at) => Math.abs(value - (found[at] as number))),
      );
      expect(distance / largest, path).toBeLessThan(1e-5);
    }
  });

  it("changes nothing when it is not finite, and all parts when it is", async () => {
    const step = jit(perceptualNetworkStep(moco), { name: "moco", compiler: "graph" });
    await using state = State.of(network);
    const before = await state.snapshot();
    const bad = { ...before, "query.projector.0.linear.weight": poisoned(before["query.projector.0.linear.weight"]) };
    await assign(state, bad);
    expect((await step.run(state, mocoBatch(1e-3), key)).finite).toBe(0);
    expect(changed(bad, await state.snapshot())).toEqual([]);
    await assign(state, before);
    const tensors = tf.memory().numTensors;
    expect((await step.run(state, mocoBatch(1e-3), key)).finite).toBe(1);
    expect(tf.memory().numTensors).toBe(tensors);
    const moved = changed(before, await state.snapshot());
    // the key network starts as the query network's copy, so it first moves in the next step
    expect(moved.some((path) => path.startsWith("query.encoder.blocks."))).toBe(true);
    await step.run(state, mocoBatch(1e-3), key);
    expect(changed(before, await state.snapshot()).some((path) => path.startsWith("key.projector."))).toBe(true);
    step.dispose();
  });

  it("leaves a frozen patch embedding as it was drawn", async () => {
    const frozen = { ...moco, recipe: { ...moco.recipe, freezePatchEmbedding: true } };
    const step = jit(perceptualNetworkStep(frozen), { name: "moco", compiler: "graph" });
    await using state = State.of(network);
    const before = await state.snapshot();
    await step.run(state, mocoBatch(1e-2), key);
    const moved = changed(before, await state.snapshot());
    expect(moved.filter((path) => path.startsWith("query.encoder.patchEmbedding"))).toEqual([]);
    expect(moved).toContain("query.encoder.classToken");
    step.dispose();
  });

  it("gives compiled what it gives eagerly", async () => {
    const make = perceptualNetworkStep(moco);
    const step = jit(make, { name: "moco", compiler: "graph" });
    await using state = State.of(network);
    const compiled = await step.run(state, mocoBatch(1e-3), key);
    const eager = tf.tidy(() => {
      const [view1, view2] = [pictures(1), pictures(2)].map(asTensor) as [tf.Tensor4D, tf.Tensor4D];
      const hyper = { lr: tf.scalar(1e-3), momentum: tf.scalar(0.9) };
      return make(network, { data: { view1, view2 }, hyper }, key).metrics.loss.arraySync();
    });
    expect(Math.abs(compiled.loss - eager) / eager).toBeLessThan(1e-5);
    step.dispose();
  });
});

describe("the step of the codebook", () => {
  it("changes nothing when it is not finite, and codes and network when it is", async () => {
    const step = jit(wholeStep(codebookStep(codebook())), { name: "vq", compiler: "graph" });
    await using state = State.of(tokenizer);
    const before = await state.snapshot();
    const bad = { ...before, "autoencoder.decoder.in.bias": poisoned(before["autoencoder.decoder.in.bias"]) };
    await assign(state, bad);
    expect((await step.run(state, codebookBatch(1e-3), key)).finite).toBe(0);
    expect(changed(bad, await state.snapshot())).toEqual([]);
    await assign(state, before);
    const tensors = tf.memory().numTensors;
    expect((await step.run(state, codebookBatch(1e-3), key)).finite).toBe(1);
    expect(tf.memory().numTensors).toBe(tensors);
    const moved = changed(before, await state.snapshot());
    for (const part of ["autoencoder.encoder.", "autoencoder.decoder.", "codebook.vectors", "codebook.counts"])
      expect(moved.some((path) => path.startsWith(part))).toBe(true);
    step.dispose();
  });

  it("searches codes in float32, and convolves in bfloat16 where the recipe says so", async () => {
    const step = jit(wholeStep(codebookStep({ ...codebook(), precision: "bfloat16" })), {
      name: "vq",
      compiler: "graph",
    });
    await using state = State.of(tokenizer);
    const { operations, values } = step.program(state, codebookBatch(1e-3));
    const shapeOf = (value: number | undefined) => values[value as number]?.shape.join();
    const { size, patch } = recipe.image;
    const latents = 8 * (size / patch) ** 2;
    const search = operations.filter(({ outputs }) => shapeOf(outputs[0]) === `${latents},${recipe.codebook.size}`);
    expect(search.some(({ name }) => /MatMul/.test(name))).toBe(true);
    expect(search.filter(({ cast }) => cast !== undefined)).toEqual([]);
    const convolutions = operations.filter(({ name }) => /^Conv2D/.test(name));
    expect(convolutions.length).toBeGreaterThan(0);
    expect(convolutions.filter(({ cast }) => cast === undefined)).toEqual([]);
    expect((await step.run(state, codebookBatch(1e-3), key)).finite).toBe(1);
    step.dispose();
  });
});

function poisoned(array: HostArray | undefined): HostArray {
  const { shape, data } = array as HostArray<"float32">;
  const bad = Float32Array.from(data);
  bad[0] = Number.NaN;
  return { dtype: "float32", shape, data: bad };
}

function asTensor({ shape, data }: HostArray): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape]);
}

/** Puts leaves by dotted path into a state. */
async function assign(state: State<unknown>, values: Record<string, HostArray>): Promise<void> {
  await state.assign(state.map(({ path }) => values[path] as HostArray) as Tree);
}
