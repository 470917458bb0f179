import { random, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { distance, expectSameInParts, stepped } from "../test/in-parts.ts";
import { type DivisibleStep, partOf } from "./index.ts";

type Toy = { readonly w: tf.Tensor1D; readonly counts: tf.Tensor1D };
type Means = { readonly grad: { readonly w: tf.Tensor1D }; readonly loss: tf.Scalar };
type Sums = { readonly counts: tf.Tensor1D; readonly pictures: tf.Scalar };

/** Least squares whose pictures are dropped at random, and a moving average of counts, as a codebook has. */
const toy: DivisibleStep<Toy, Means, Sums> = {
  contribution({ w }, batch, key) {
    const x = batch.data["x"] as tf.Tensor2D;
    const kept = tf.cast(tf.less(draw(key, x.shape[0], partOf(batch, 8)), 0.5), "float32");
    const { loss, grad } = valueAndGrad((params: { w: tf.Tensor1D }) => {
      const product = tf.reshape(tf.matMul(x, tf.reshape(params.w, [3, 1])), [-1]);
      return { loss: tf.mean<tf.Scalar>(tf.mul(kept, tf.square(tf.sub(product, 3)))), aux: null };
    })({ w });
    const ones = tf.cast(tf.greater(x, 100), "float32");
    return {
      weight: tf.scalar(1),
      means: { grad: grad as { w: tf.Tensor1D }, loss },
      sums: { counts: tf.sum(ones, 0), pictures: tf.scalar(x.shape[0], "int32") },
    };
  },
  update(state, { means, sums }, { lr }) {
    return {
      state: {
        w: tf.sub(state.w, tf.mul(means.grad.w, tf.mul(lr as tf.Scalar, 1e-4))),
        counts: tf.add(tf.mul(state.counts, 0.9), tf.mul(sums.counts, 0.1)),
      },
      metrics: { loss: means.loss, finite: tf.scalar(1), pictures: tf.cast(sums.pictures, "float32") },
    };
  },
};

function draw(key: random.Key, count: number, part: ReturnType<typeof partOf>): tf.Tensor {
  const all = random.uniform(key, [part?.of ?? count]);
  return part === undefined ? all : tf.gather(all, part.places);
}

const initial = { w: tf.tensor1d([0.1, 0.2, 0.3]), counts: tf.zeros<tf.Rank.R1>([3]) };
const x = {
  dtype: "uint8" as const,
  shape: [8, 3],
  data: Uint8Array.from({ length: 24 }, (_, i) => (i * 83) % 256),
};

describe("a step in parts", () => {
  for (const compiler of ["graph", "xla"] as const) {
    for (const microBatch of [1, 2, 4]) {
      it(`of ${microBatch} is the step of the whole batch (${compiler})`, async () => {
        await expectSameInParts(toy, initial, { x }, { batch: 8, microBatch, mixGroup: null }, compiler);
      });
    }
  }

  it("adds up counts exactly", async () => {
    const division = { batch: 8, microBatch: 2, mixGroup: null };
    const { metrics, state, given } = await stepped(toy, initial, { x }, { division });
    expect(metrics[0]?.["pictures"]).toBe(8);
    const whole = await stepped(toy, initial, { x }, { division: null });
    expect(given["sums.counts"]).toEqual(whole.given["sums.counts"]);
    expect(distance(state, whole.state).largest).toBeLessThan(1e-5);
  });

  it("leaves the state as it was when a part can't be taken", async () => {
    const { compileStep } = await import("./index.ts");
    const { State } = await import("tfjs-libtensorflow");
    const runner = compileStep(toy, {
      name: "toy",
      compiler: "graph",
      division: { batch: 8, microBatch: 4, mixGroup: null },
    });
    await using state = State.of(initial);
    const before = tf.memory().numTensors;
    const take = async (part: number) => {
      if (part === 1) throw new Error("stopped");
      return { x: { ...x, shape: [4, 3], data: x.data.slice(0, 12) } };
    };
    const at = { hyper: { lr: 1 }, key: random.key(1) };
    await expect(runner.run(state as never, take, at)).rejects.toThrow("stopped");
    expect(tf.memory().numTensors).toBe(before);
    expect((await state.snapshot())["w"]?.data).toEqual(initial.w.dataSync());
    runner.dispose();
  });
});
