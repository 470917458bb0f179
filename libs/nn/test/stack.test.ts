import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { leaves, Stack, withLeaves } from "../src/index.ts";

const tree = () => ({
  blocks: [
    {
      weight: tf.tensor2d([
        [1, 2],
        [3, 4],
      ]),
      bias: tf.tensor1d([5, 6]),
    },
  ],
  table: tf.ones([2, 40_000]),
});

describe("a stack", () => {
  it("gives back what it was given: small leaves as one vector, large ones as they are", () => {
    const stack = new Stack(tree());
    const packed = stack.pack(tree());
    expect(packed.map(({ shape }) => shape)).toEqual([[6], [2, 40_000]]);
    expect([...(packed[0] as tf.Tensor).dataSync()]).toEqual([5, 6, 1, 2, 3, 4]);
    const back = stack.unpack(packed);
    expect(back.blocks[0]?.weight.arraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(back.table.shape).toEqual([2, 40_000]);
  });

  it("has one layout whatever the order of the keys, so that a checkpoint's slots fit", () => {
    const { blocks, table } = tree();
    const turned = { table, blocks: blocks.map(({ weight, bias }) => ({ bias, weight })) };
    expect(new Stack(turned).pack(turned)[0]?.dataSync()).toEqual(new Stack(tree()).pack(tree())[0]?.dataSync());
  });

  it("takes one factor where all agree, and a vector where they differ", () => {
    const stack = new Stack(tree());
    expect(stack.factors(() => 2)).toEqual([2, 2]);
    const [small, large] = stack.factors(({ path }) => (path === "table" ? 3 : path.endsWith("bias") ? 0 : 1));
    expect([...(small as tf.Tensor1D).dataSync()]).toEqual([0, 0, 1, 1, 1, 1]);
    expect(large).toBe(3);
  });

  it("names a leaf that is no tensor", () => {
    expect(() => leaves({ a: { b: 3 } })).toThrow("a.b is no tensor");
    expect(() => withLeaves({ a: 1 }, [])).toThrow("a is no tensor");
  });
});
