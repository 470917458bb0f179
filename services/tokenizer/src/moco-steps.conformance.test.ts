import { readFileSync } from "node:fs";
import {
  classToken,
  initialMocoKey,
  type MocoQuery,
  mocoHead,
  mocoKeys,
  mocoLoss,
  type VisionTransformer,
} from "@peco/models";
import { tensorsOf } from "@peco/training";
import {
  decodeSafetensors,
  flatten,
  type HostArray,
  jit,
  random,
  State,
  type Tree,
  tf,
  valueAndGrad,
} from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { shortRecipe } from "../../../libs/training/test/untrained-store.ts";
import {
  initPerceptualNetwork,
  type PerceptualNetworkOptions,
  type PerceptualNetworkState,
  perceptualNetworkStep,
} from "./index.ts";

/** `tools/fixtures/moco_steps.py`: float64, and in its metadata how far PyTorch's own float32 is from it. */
const { tensors, metadata } = decodeSafetensors(
  new Uint8Array(readFileSync(new URL("../fixtures/moco-steps.safetensors", import.meta.url))),
);
const pytorch = JSON.parse(metadata["float32"] ?? "{}") as Record<string, number>;
const zero = JSON.parse(metadata["zero"] ?? "[]") as string[];
const lrs = [4e-3, 1e-2, 6e-3];
const momenta = [0.9, 0.93, 0.97];

const { perceptualNetwork } = shortRecipe();
const options: PerceptualNetworkOptions = {
  vit: {
    size: 12,
    patch: 4,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    width: 8,
    depth: 2,
    heads: 2,
    mlpRatio: 2,
    positions: "sincos",
    init: "xavier",
    layerScale: 0,
    keyBias: true,
  },
  recipe: {
    ...perceptualNetwork,
    temperature: 0.2,
    head: { projectorLayers: 3, predictorLayers: 2, hidden: 10, width: 6 },
    optimizer: { ...perceptualNetwork.optimizer, betas: [0.9, 0.999], weightDecay: 0.1, decayAll: true, clip: null },
  },
  precision: "float32",
};

function query(): MocoQuery<VisionTransformer> {
  const start = Object.entries(tensors).filter(([name]) => name.startsWith("start."));
  return tensorsOf(Object.fromEntries(start.map(([name, array]) => [name.slice("start.".length), array])));
}

/** The two views of a step, uint8 [6, 12, 12, 3] each. */
function viewsOf(step: number): [HostArray<"uint8">, HostArray<"uint8">] {
  const size = 6 * 12 * 12 * 3;
  const { data } = tensors["views"] as HostArray<"uint8">;
  const view = (i: number): HostArray<"uint8"> => ({
    dtype: "uint8",
    shape: [6, 12, 12, 3],
    data: data.slice((2 * step + i) * size, (2 * step + i + 1) * size),
  });
  return [view(0), view(1)];
}

const asTensor = ({ shape, data }: HostArray) =>
  tf.tensor<tf.Rank.R4>(Float32Array.from(data), [...shape] as [number, number, number, number]);
const encode = (params: VisionTransformer, pictures: tf.Tensor4D) => classToken(params, options.vit, pictures);

/** How far PyTorch's float32 is from float64, at most, in what the pattern names. */
const yardstick = (names: RegExp) =>
  Math.max(...Object.entries(pytorch).map(([name, distance]) => (names.test(name) ? distance : 0)));

const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));

/** Holds values to float64's: 1e-5 of the largest, or twice as far as PyTorch's float32 is. */
function expectReference(values: ArrayLike<number>, name: string, names: RegExp): void {
  const expected = (tensors[name] as HostArray).data;
  expect(values.length, name).toBe(expected.length);
  const difference = largest(Array.from(expected, (value, i) => (values[i] as number) - value));
  expect(difference / largest(expected), name).toBeLessThanOrEqual(Math.max(1e-5, 2 * yardstick(names)));
}

describe("MoCo v3 over a vision transformer", () => {
  it("has PyTorch's gradients in its first step", () => {
    const start = query();
    const views = viewsOf(0).map(asTensor) as [tf.Tensor4D, tf.Tensor4D];
    const keys = mocoKeys(encode, initialMocoKey(start), views);
    const { grad } = valueAndGrad((params: MocoQuery<VisionTransformer>) => ({
      loss: mocoLoss(encode, params, views, keys, 0.2).loss,
      aux: {},
    }))(start);
    const gradients = flatten(grad as unknown as Tree<tf.Tensor>);
    expect(gradients.map(([path]) => `gradient.${path}`).sort()).toEqual(
      Object.keys(tensors)
        .filter((name) => name.startsWith("gradient."))
        .sort(),
    );
    // key biases shift all scores of a query alike, and the batch norm after it takes the last norm's bias away
    expect(zero).toEqual([
      "gradient.encoder.blocks.0.attention.qkv.bias[8:16]",
      "gradient.encoder.blocks.1.attention.qkv.bias[8:16]",
      "gradient.encoder.norm.bias",
    ]);
    const whole = Math.max(...gradients.map(([, gradient]) => largest(gradient.dataSync())));
    for (const [path, gradient] of gradients) {
      if (path === "encoder.norm.bias") expect(largest(gradient.dataSync())).toBeLessThan(1e-5 * whole);
      else expectReference(gradient.dataSync(), `gradient.${path}`, /^gradient/);
    }
  });

  it.each([
    ["trained", false],
    ["frozen", true],
  ])("does PyTorch's three steps with a %s patch embedding", async (name, freezePatchEmbedding) => {
    const own = { ...options, recipe: { ...options.recipe, freezePatchEmbedding } };
    const begun = query();
    const { slots } = initPerceptualNetwork(own, random.key(1));
    await using state = State.of({ query: begun, key: initialMocoKey(begun), slots } as PerceptualNetworkState);
    const step = jit(perceptualNetworkStep(own), { name: "moco", compiler: "graph" });
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const [view1, view2] = viewsOf(i);
      const hyper = { lr: lrs[i] as number, momentum: momenta[i] as number };
      losses.push((await step.run(state, { data: { view1, view2 }, hyper }, random.key(i))).loss);
    }
    step.dispose();
    expectReference(losses, `${name}.losses`, /losses$/);

    const after = tensorsOf<Pick<PerceptualNetworkState, "query" | "key">>(
      Object.fromEntries(Object.entries(await state.snapshot()).filter(([path]) => !path.startsWith("slots."))),
    );
    const outputs = /(query|prediction|key)$/;
    const picture = asTensor(viewsOf(0)[0]);
    const projection = mocoHead(after.query.projector, encode(after.query.encoder, picture));
    expectReference(projection.dataSync(), `${name}.query`, outputs);
    expectReference(mocoHead(after.query.predictor, projection).dataSync(), `${name}.prediction`, outputs);
    expectReference(
      mocoHead(after.key.projector, encode(after.key.encoder, picture)).dataSync(),
      `${name}.key`,
      outputs,
    );
    const { weight, bias } = after.query.encoder.patchEmbedding;
    const same = [weight, bias].map((tensor, i) => {
      const from = (tensors[`start.encoder.patchEmbedding.${["weight", "bias"][i]}`] as HostArray).data;
      return tensor?.dataSync().every((value, at) => value === from[at]);
    });
    expect(same).toEqual([freezePatchEmbedding, freezePatchEmbedding]);
  });
});
