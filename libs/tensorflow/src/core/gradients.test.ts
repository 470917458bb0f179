import { afterEach, beforeEach, expect, it } from "vitest";
import { tf } from "../index.ts";

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const some = (...shape: number[]) =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(3 * i + 1)),
    shape,
  );

/** Compares the gradient of sum(w * f(x)) with central differences. */
function holds(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): void {
  const weights = some(...f(x).shape);
  const loss = (t: tf.Tensor) => tf.sum(tf.mul(f(t), weights)) as tf.Scalar;
  const gradient = tf.grad(loss)(x).dataSync();
  const values = x.dataSync();
  for (let i = 0; i < x.size; i++) {
    const at = (h: number) =>
      loss(
        tf.tensor(
          values.map((v, k) => (k === i ? v + h : v)),
          x.shape,
        ),
      ).dataSync()[0] as number;
    expect(gradient[i], `element ${i}`).toBeCloseTo((at(0.25) - at(-0.25)) / 0.5, 3);
  }
}

it.each<[string, (x: tf.Tensor) => tf.Tensor, number[]]>([
  ["stridedSlice", (x) => tf.stridedSlice(x, [0, 3], [4, 0], [2, -1]), [4, 5]],
  ["stridedSlice that drops an axis", (x) => tf.stridedSlice(x, [1, 0], [2, 4], [1, 2], 0, 0, 0, 0, 1), [3, 4]],
  [
    "gatherND, an element twice",
    (x) =>
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [0, 1],
            [2, 0],
            [0, 1],
          ],
          [3, 2],
          "int32",
        ),
      ),
    [3, 2],
  ],
  ["depthToSpace", (x) => tf.depthToSpace(x as tf.Tensor4D, 2), [1, 2, 1, 8]],
  ["einsum: product", (x) => tf.einsum("bij,jk->bik", x, some(3, 2)), [2, 2, 3]],
  ["einsum: second operand", (x) => tf.einsum("bij,jk->kb", some(2, 2, 3), x), [3, 2]],
  ["einsum: summed label", (x) => tf.einsum("ij,k->k", x, some(2)), [3, 2]],
  ["einsum: one operand", (x) => tf.einsum("ijk->ki", x), [2, 3, 2]],
])("gradient of %s", (_, f, shape) => holds(f, some(...shape)));

it("refuses the gradient of a diagonal", () => {
  expect(() => tf.grad((x) => tf.sum(tf.einsum("ii->i", x)))(some(2, 2))).toThrow(/no gradient for a diagonal/);
});
