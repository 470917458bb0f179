import { flatten, type HostArray, hostArray, type Tree, tf } from "tfjs-libtensorflow";
import { afterEach, describe, expect, it } from "vitest";
import { subtree, tensorsOf } from "./nested.ts";

const array = (...values: number[]): HostArray => hostArray("float32", [values.length], Float32Array.from(values));
const weights = {
  "blocks.10.bias": array(10),
  ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`blocks.${i}.bias`, array(i)])),
  "head.weight": hostArray("float32", [2, 1], Float32Array.of(3, 4)),
  count: hostArray("int32", [], Int32Array.of(7)),
  "odd.1": array(1),
};
let made: Tree<tf.Tensor> | undefined;
afterEach(() => tf.dispose(made as tf.TensorContainer));

describe("tensorsOf", () => {
  it("builds lists by number, also beyond ten, and objects by name", () => {
    type Model = { blocks: { bias: tf.Tensor }[]; head: { weight: tf.Tensor }; count: tf.Tensor; odd: object };
    const model = tensorsOf<Model>(weights);
    made = model as unknown as Tree<tf.Tensor>;
    expect(model.blocks.map(({ bias }) => bias.dataSync()[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(model.head.weight.arraySync()).toEqual([[3], [4]]);
    expect(model.count.dtype).toBe("int32");
    expect(Array.isArray(model.odd)).toBe(false);
  });

  it("keeps every path", () => {
    made = tensorsOf<Tree<tf.Tensor>>(weights);
    expect(flatten(made).map(([path]) => path)).toEqual(Object.keys(weights).sort());
  });
});

describe("subtree", () => {
  it("takes what lies under a name, and not what only begins like it", () => {
    const some = { "query.encoder.norm": array(1), "query.encoders": array(2), "key.encoder.norm": array(3) };
    expect(Object.keys(subtree(some, "query.encoder"))).toEqual(["norm"]);
    expect(subtree(some, "query")).toEqual({ "encoder.norm": array(1), encoders: array(2) });
  });
});
