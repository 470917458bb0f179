import { autocast, tf } from "tfjs-libtensorflow";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../../libs/tensorflow/src/compiled.ts";
import type { AnyTree, Case, Precision } from "./case.ts";
import { programOf } from "./measure.ts";
import { type Product, productsOf } from "./product.ts";
import { microProgram, productMs } from "./product-time.ts";

/** A product, a convolution and the gradients of both. */
const tiny: Case = {
  name: "tiny",
  images: null,
  config: {},
  frozen: {},
  state: () => ({ w: tf.ones([4, 6]), kernel: tf.ones([3, 3, 2, 4]) }),
  batch: () => ({ x: { dtype: "float32", shape: [1, 4, 4, 2], data: new Float32Array(32) } }),
  step:
    (precision: Precision) =>
    (state: AnyTree, { x }: AnyTree) => {
      const loss = (w: tf.Tensor, kernel: tf.Tensor) => {
        const rows = tf.reshape(tf.conv2d(x, kernel as tf.Tensor4D, 1, "same"), [16, 4]);
        return tf.sum(tf.matMul(rows, w as tf.Tensor2D)) as tf.Scalar;
      };
      const [w, kernel] = autocast(precision, () => tf.grads(loss)([state.w, state.kernel])) as [tf.Tensor, tf.Tensor];
      return { state: { w, kernel }, metrics: {} };
    },
};

describe.each(["float32", "bfloat16"] as const)("single products in %s", (precision) => {
  let products: Product[];
  beforeAll(async () => {
    products = productsOf(await programOf(tiny, precision));
  });

  it("are those of the trace, both directions", () => {
    const names = products.map(({ operation }) => operation.name).toSorted();
    expect(names).toContain("Conv2DBackpropFilter");
    expect(names.filter((name) => name.includes("MatMul")).length).toBeGreaterThanOrEqual(2);
  });

  it("run by themselves by both compilers, none of the copies left out", async () => {
    for (const product of products)
      for (const compiler of ["graph", "xla"] as const) {
        const sums = [];
        for (const copies of [1, 3]) {
          const { program, captured } = microProgram(product, copies);
          const compiled = compile({ program, captured, metrics: { sum: 0 } }, compiler);
          sums.push(((await compiled.run([], [], 1n)).metrics as { sum: number }).sum);
          compiled.dispose();
        }
        // Operands lie between 1 and 2 and are the same in each copy.
        expect(sums[0]).toBeGreaterThan(1);
        expect(sums[1]).toBeCloseTo(3 * (sums[0] as number), 2);
      }
  });

  it("take some time, and less than a step", async () => {
    const ms = await productMs(products[0] as Product, 0);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(50);
  });
});
