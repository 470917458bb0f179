import { describe, expect, it } from "vitest";
import { autocast, jit, random, recomputed, State, type Tree, tf, valueAndGrad } from "./index.ts";

type Layer = { readonly w: tf.Tensor2D; readonly parts: readonly tf.Tensor2D[] };
type Net = { readonly layers: readonly Layer[]; readonly unused: tf.Tensor1D };

const width = 8;
const layer = (x: tf.Tensor2D, { w, parts }: Layer, key: random.Key): tf.Tensor2D => {
  const kept = tf.cast(tf.less(random.uniform(key, [x.shape[0], 1]), 0.7), "float32");
  const inner = tf.tanh(tf.matMul(x, w));
  return tf.add(x, tf.mul(kept, tf.matMul(inner, tf.addN([...parts])))) as tf.Tensor2D;
};
const start = (key: random.Key): Net => ({
  layers: [0, 1, 2].map((i) => ({
    w: random.normal(random.fold(key, i, "w"), [width, width], 0, 0.3) as tf.Tensor2D,
    parts: [0, 1].map((j) => random.normal(random.fold(key, i, j), [width, width], 0, 0.3) as tf.Tensor2D),
  })),
  unused: tf.ones([3]),
});
const step =
  (again: boolean, precision: "float32" | "bfloat16" = "float32") =>
  (state: Net, { x }: { x: tf.Tensor2D }, key: random.Key) => {
    const { loss, grad } = autocast(precision, () =>
      valueAndGrad((net: Net) => {
        let y = x;
        net.layers.forEach((one, i) => {
          const body = (input: tf.Tensor2D, params: Layer) => layer(input, params, random.fold(key, i));
          y = again ? recomputed(body, y, one) : body(y, one);
        });
        return { loss: tf.mean<tf.Scalar>(tf.square(y)), aux: null };
      })(state),
    );
    return { state, metrics: { loss, grad: grad as Tree as { layers: tf.Tensor[] } } };
  };

describe("recomputed", () => {
  const x = {
    dtype: "float32",
    shape: [4, width],
    data: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
  } as const;
  const run = async (again: boolean, compiler: "graph" | "xla", precision: "float32" | "bfloat16" = "float32") => {
    const net = tf.tidy(() => start(random.key(1)) as never) as Net;
    await using state = State.of(net) as unknown as State<Net>;
    tf.dispose(net as never);
    const compiled = jit(step(again, precision), { name: "step", compiler });
    const before = tf.memory().numTensors;
    const metrics = await compiled.run(state, { x }, random.key(2));
    expect(tf.memory().numTensors).toBe(before);
    const names = compiled.program(state, { x }).operations.map(({ name }) => name);
    compiled.dispose();
    return { metrics, products: names.filter((name) => /MatMul/.test(name)).length };
  };

  for (const compiler of ["graph", "xla"] as const) {
    it(`gives the same loss and gradients (${compiler})`, async () => {
      const [kept, again] = [await run(false, compiler), await run(true, compiler)];
      expect(again.metrics.loss).toBeCloseTo(kept.metrics.loss as number, 6);
      expect(JSON.stringify(again.metrics.grad)).not.toContain("null");
      const flat = (grad: unknown) => {
        const arrays: number[][] = [];
        const walk = (node: unknown): void => {
          if (typeof node !== "object" || node === null) return;
          if ("data" in node) arrays.push([...(node.data as Float32Array)]);
          else for (const child of Object.values(node)) walk(child);
        };
        walk(grad);
        return arrays;
      };
      const [a, b] = [flat(again.metrics.grad), flat(kept.metrics.grad)];
      expect(a).toHaveLength(10);
      a.forEach((values, i) => {
        const wanted = b[i] as number[];
        const largest = Math.max(...wanted.map(Math.abs), 1e-30);
        values.forEach((value, j) => {
          expect(Math.abs(value - (wanted[j] as number))).toBeLessThanOrEqual(1e-6 * largest);
        });
      });
    });
  }

  it("computes the forward products twice, in the same precision", async () => {
    // Two products a layer; the first layer's input needs no gradient of its own, but a recomputed layer gives one.
    expect((await run(false, "graph")).products).toBe(6 + 12 - 1);
    expect((await run(true, "graph")).products).toBe(6 + 6 + 12);
    const [kept, again] = [await run(false, "graph", "bfloat16"), await run(true, "graph", "bfloat16")];
    expect(again.metrics.loss).toBe(kept.metrics.loss);
  });

  it("runs eagerly, too, and leaves an outer tape as it was", () => {
    tf.tidy(() => {
      const net = start(random.key(1));
      const input = tf.tensor2d(x.data, [4, width]);
      const [kept, again] = [false, true].map((value) => step(value)(net, { x: input }, random.key(2)).metrics);
      expect(again?.loss.dataSync()).toEqual(kept?.loss.dataSync());
    });
  });
});
