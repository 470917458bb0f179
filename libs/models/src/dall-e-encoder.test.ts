import { type HostArray, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { arraysUnder, expectEqual, misfitOf, readFixture, treeOf } from "../test/fixture.ts";
import { type DallEEncoder, dallEEncoder, dallELogits } from "./dall-e-encoder.ts";
import { type DallEShape, importDallE } from "./interchange/import-dall-e.ts";

const shape: DallEShape = { hidden: 8, groups: 4, blocksPerGroup: 2, codes: 40 };
const weights = arraysUnder("dall-e", "weights.");
const reference = readFixture("dall-e");
const pictures = reference("pictures") as tf.Tensor4D;

describe("DALL-E's encoder", () => {
  const encoder = treeOf<DallEEncoder>(importDallE(weights, shape));

  it("gives PyTorch's logits and tokens", () => {
    expectEqual(dallELogits(encoder, pictures), reference("logits"));
    const tokens = dallEEncoder(encoder, pictures);
    expect(tokens.dtype).toBe("int32");
    expect(tokens.shape).toEqual([2, 4, 4]);
    const [found, expected] = [tokens.dataSync(), reference("tokens").dataSync()];
    const best = tf.topk(reference("logits"), 2).values.dataSync();
    // the two best logits are 4.8e-3 apart at least: none is so near a tie that rounding might decide
    const nearTies = [...expected].filter((_, i) => {
      const [first, second] = [best[2 * i] as number, best[2 * i + 1] as number];
      return first - second < 1e-5 * Math.abs(first);
    });
    expect(nearTies).toHaveLength(0);
    expect([...expected].filter((token, i) => token === found[i])).toHaveLength(32);
  });

  it("is wanted in the published widths: 74 tensors", () => {
    const found = misfitOf(() =>
      importDallE({ "blocks.output.conv.w": tiny(1), "blocks.group_4.block_1.id_path.w": tiny(2) }),
    );
    expect(found.wrong.map(({ problem }) => problem)).toEqual([
      "has shape [2] and not [2048, 1024, 1, 1]",
      "has shape [1] and not [8192, 2048, 1, 1]",
    ]);
    // an input, 32 convolutions in blocks, 3 shortcuts and an output, each with a bias
    expect(found.missing).toHaveLength(2 * 37 - 2);
  });

  it("names every tensor that does not fit", () => {
    const { "blocks.input.b": _, ...rest } = weights;
    const bad = {
      ...rest,
      "blocks.output.conv.w": weights["blocks.input.w"] as HostArray,
      "blocks.group_5.block_1.id_path.w": weights["blocks.input.w"] as HostArray,
    };
    const error = misfitOf(() => importDallE(bad, shape));
    expect(error.missing).toEqual(["blocks.input.b"]);
    expect(error.extra).toEqual(["blocks.group_5.block_1.id_path.w"]);
    expect(error.message).toContain("blocks.output.conv.w has shape [8, 3, 7, 7] and not [40, 64, 1, 1]");
  });
});

const tiny = (length: number): HostArray => ({ dtype: "float32", shape: [length], data: new Float32Array(length) });
