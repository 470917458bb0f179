import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import {
  attention,
  batchNorm,
  conv2d,
  conv2dTranspose,
  gelu,
  layerNorm,
  linear,
  mlp,
  normalisedPatches,
  normalisePictures,
  patches,
  relativePositionBias,
  relativePositionIndex,
  standardise,
} from "../src/index.ts";
import { expectEqual, expectForwardAndGradient, readFixture } from "./fixture.ts";

// The layers take tensors of known rank; the fixture's names say which is which.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Leaves = Record<string, any>;
const fixture = readFixture("layers");
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Forward and gradient of a case; the leaves are named as in the fixture. */
function agrees(name: string, leaves: readonly string[], run: (leaf: Leaves) => tf.Tensor): void {
  it(`${name} agrees with PyTorch, forward and gradient`, () => {
    expectForwardAndGradient(fixture, name, leaves, run);
  });
}

describe("layers", () => {
  agrees("linear", ["x", "weight", "bias"], (p) => linear({ weight: p["weight"], bias: p["bias"] }, p["x"]));
  agrees("layerNorm", ["x", "scale", "bias"], (p) => layerNorm({ scale: p["scale"], bias: p["bias"] }, p["x"]));
  agrees("standardise", ["x"], (p) => standardise(p["x"]));
  agrees("batchNorm", ["x", "scale", "bias"], (p) => batchNorm({ scale: p["scale"], bias: p["bias"] }, p["x"]));
  agrees("batchNormPlain", ["x"], (p) => batchNorm(null, p["x"]));
  agrees("gelu", ["x"], (p) => gelu(p["x"]));
  agrees("mlp", ["x", "inWeight", "inBias", "outWeight", "outBias"], (p) =>
    mlp(
      { in: { weight: p["inWeight"], bias: p["inBias"] }, out: { weight: p["outWeight"], bias: p["outBias"] } },
      p["x"],
    ),
  );
  agrees("conv1", ["x", "kernel", "bias"], (p) => conv2d({ kernel: p["kernel"], bias: p["bias"] }, p["x"]));
  agrees("conv3", ["x", "kernel", "bias"], (p) => conv2d({ kernel: p["kernel"], bias: p["bias"] }, p["x"]));
  agrees("conv4", ["x", "kernel", "bias"], (p) =>
    conv2d({ kernel: p["kernel"], bias: p["bias"] }, p["x"], { stride: 2 }),
  );
  agrees("convTranspose4", ["x", "kernel", "bias"], (p) =>
    conv2dTranspose({ kernel: p["kernel"], bias: p["bias"] }, p["x"], { stride: 2 }),
  );
});

describe("attention", () => {
  const rows = (x: tf.Tensor3D) => tf.reshape(x, [-1, 8]) as tf.Tensor2D;
  const shape = { tokens: 7, heads: 2 };
  const back = (y: tf.Tensor) => tf.reshape(y, [3, 7, 8]);

  agrees("attention", ["x", "qkvWeight", "qkvBias", "outWeight", "outBias"], (p) => {
    const parameters = {
      qkv: { weight: p["qkvWeight"], bias: p["qkvBias"] },
      out: { weight: p["outWeight"], bias: p["outBias"] },
    };
    return back(attention(parameters, rows(p["x"]), shape));
  });

  agrees("relativeAttention", ["x", "qkvWeight", "queryBias", "valueBias", "outWeight", "outBias", "table"], (p) => {
    const parameters = {
      qkv: { weight: p["qkvWeight"], queryBias: p["queryBias"], valueBias: p["valueBias"] },
      out: { weight: p["outWeight"], bias: p["outBias"] },
    };
    return back(attention(parameters, rows(p["x"]), shape, relativePositionBias(p["table"], 2, 3)));
  });

  it("indexes relative positions as BEiT does", () => {
    expect(relativePositionIndex(2, 3)).toEqual(fixture("relativeAttention.index").dataSync());
  });
});

describe("patch embedding", () => {
  const pictures = fixture("patchEmbedding.pictures") as tf.Tensor4D;

  agrees("patchEmbedding", ["weight", "bias"], (p) =>
    linear({ weight: p["weight"], bias: p["bias"] }, normalisedPatches(pictures, 4, imagenet)),
  );

  it("normalises as pictures what it normalises as patches", () => {
    const whole = patches(normalisePictures(pictures, imagenet), 4);
    expectEqual(normalisedPatches(pictures, 4, imagenet), whole, "patches");
  });
});
