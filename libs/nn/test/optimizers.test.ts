import { type Tree, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { type AdamWOptions, adamW, exponentialMovingAverage, leaves, onlyIfFinite } from "../src/index.ts";
import { expectEqual, readFixture } from "./fixture.ts";

const fixture = readFixture("optimizers");
const lrs = [1e-3, 3e-3, 2e-3];

/** The fixture's parameters or gradients; the large leaf is zeros after its first eight values. */
function tree(prefix: string) {
  const part = (name: string) => fixture(`${prefix}.${name}`);
  return {
    blocks: [{ weight: part("blocks.0.weight"), bias: part("blocks.0.bias") }, { weight: part("blocks.1.weight") }],
    head: {
      weight: tf.pad(tf.reshape(part("head"), [1, 8]), [
        [0, 0],
        [0, 65_529],
      ]),
    },
  };
}

function comparable(path: string, tensor: tf.Tensor): { name: string; tensor: tf.Tensor } {
  if (path !== "head.weight") return { name: path, tensor };
  return { name: "head", tensor: tf.reshape(tf.slice(tensor, [0, 0], [1, 8]), [8]) };
}

const options = { betas: [0.9, 0.98], weightDecay: 0.05 } as const;

describe("adamW", () => {
  const cases: [string, AdamWOptions][] = [
    ["plain", options],
    ["clipped", { ...options, clip: 3 }],
    [
      "scaled",
      { ...options, clip: 3, decayAll: true, lrScale: ({ path }) => (path.startsWith("blocks.0.") ? 0.5 : 1) },
    ],
  ];
  for (const [name, option] of cases) {
    it(`${name} agrees with PyTorch over three steps`, () => {
      const optimizer = adamW(option);
      let params = tree("start");
      let slots = optimizer.init(params);
      for (const [step, lr] of lrs.entries()) {
        const next = optimizer.update(tree(`gradient${step}`), slots, params, { lr: tf.scalar(lr) });
        expectEqual(next.gradNorm, fixture(`${name}.norm${step}`), `norm ${step}`);
        expect(next.finite.dataSync()[0]).toBe(1);
        ({ params, slots } = next);
        for (const leaf of leaves(params)) {
          const { name: part, tensor } = comparable(leaf.path, leaf.tensor);
          expectEqual(tensor, fixture(`${name}.after${step}.${part}`), `${part} after step ${step}`);
        }
      }
    });
  }

  const bits = (value: Tree) => leaves(value).map(({ tensor }) => tensor.dataSync());
  for (const [what, poison, loss] of [
    ["gradient with a NaN", Number.NaN, 1],
    ["gradient with an infinity", Number.NEGATIVE_INFINITY, 1],
    ["loss that is NaN", 0, Number.NaN],
  ] as const) {
    it(`a ${what} changes nothing`, () => {
      const optimizer = adamW({ ...options, clip: 3 });
      const params = tree("start");
      const first = optimizer.update(tree("gradient0"), optimizer.init(params), params, { lr: 1e-3 });
      const bad = tree("gradient1");
      bad.blocks[0] = { ...bad.blocks[0], bias: tf.tensor1d([0, 0, poison, 0, 0, 0, 0]) } as (typeof bad.blocks)[0];
      const second = optimizer.update(bad, first.slots, first.params, { lr: 1e-3, loss: tf.scalar(loss) });
      expect(second.finite.dataSync()[0]).toBe(0);
      expect(bits(second.params)).toEqual(bits(first.params));
      expect(bits(second.slots)).toEqual(bits(first.slots));
    });
  }
});

describe("moving average and gate", () => {
  it("the average agrees with NumPy", () => {
    const { value } = exponentialMovingAverage({ value: fixture("ema.average") }, { value: fixture("ema.value") }, 0.9);
    expectEqual(value, fixture("ema.next"), "average");
  });

  it("a momentum of 1 keeps the average", () => {
    const average = { value: fixture("ema.average") };
    const { value } = exponentialMovingAverage(average, { value: fixture("ema.value") }, tf.scalar(1));
    expect(value.dataSync()).toEqual(average.value.dataSync());
  });

  it("the gate takes the next state or the previous one whole", () => {
    const previous = { a: tf.tensor1d([1, 2]), b: [tf.scalar(3, "int32")] };
    const next = { a: tf.tensor1d([Number.NaN, 5]), b: [tf.scalar(4, "int32")] };
    const taken = (finite: number) =>
      leaves(onlyIfFinite(tf.scalar(finite), next, previous)).map((l) => [...l.tensor.dataSync()]);
    expect(taken(1)).toEqual([[Number.NaN, 5], [4]]);
    expect(taken(0)).toEqual([[1, 2], [3]]);
  });
});
