/** Specs that are left out for one reason; each entry is a part of their full names. */
export interface LeftOut {
  readonly reason: string;
  readonly specs: readonly string[];
}

const padding = (op: string, cases: readonly string[]) => cases.map((name) => `${op} test-tensorflow {} ${name}`);
const rounded = ["default dimRoundingMode", "dimRoundingMode=floor", "dimRoundingMode=round", "dimRoundingMode=ceil"];
const poolRounded = [
  "defualt dimRoundingMode",
  "dimRoundingMode=floor",
  "dimRoundingMode=round",
  "dimRoundingMode=ceil",
];

/**
 * What of tfjs-core's specs is not run, and why. All of it is in tfjs-node's own list of ignored specs
 * (`@tensorflow/tfjs-node/src/run_tests.ts`), of which 93 more pass here and are run: depthwise and separable
 * convolution, convolution in NCHW, the version, an argmax in six dimensions.
 */
export const leftOut: readonly LeftOut[] = [
  {
    reason:
      "TensorFlow's pooling and transposed convolution take no explicit padding, and tfjs-node's kernels refuse it",
    specs: [
      ...["maxPool", "avgPool"].flatMap((op) =>
        padding(op, [
          "x=[3,3,1] f=[3,3] s=1 p=explicit",
          "x=[2,2,3] f=[1,1] s=2 p=1 dimRoundingMode=floor",
          ...rounded.map((mode) => `x=[2,2,3] f=[2,2] s=3 p=1 ${mode}`),
        ]),
      ),
      ...padding("avgPool", ["gradient x=[3,3,1] f=[3,3] s=1 p=explicit"]),
      ...padding("maxPoolBackprop", ["gradient x=[3,3,1] f=3 s=1 p=explicit"]),
      ...["maxPool3d", "avgPool3d"].flatMap((op) =>
        padding(op, ["x=[1,2,2,2,1] f=[2,2,2] s=1 p=1 roundingMode=floor"]),
      ),
      ...padding("avgPool3d", ["x=[1,1,1,1,1] f=[2,2,2] s=1 p=2"]),
      ...padding("conv2dTranspose", [
        "input=3x3x1,d2=1,f=2,s=2,p=explicit",
        "gradient input=[1,3,3,1] f=[2,2,2,1] s=[1,1] p=explicit",
      ]),
      ...["max", "avg"].flatMap((kind) =>
        padding("pool", [
          `${kind} x=[3,3,1] f=[3,3] s=1 d=1 p=explicit`,
          ...poolRounded.map((mode) => `${kind} x=[3,3,1] f=[3,3] s=3 d=1 p=explicit ${mode}`),
          `${kind} x=[2,2,3] f=[1,1] s=2 p=1 fractional outputs default rounding`,
        ]),
      ),
    ],
  },
  {
    reason: "tfjs-node has no kernel for it",
    specs: [
      "bitwiseAnd",
      "denseBincount",
      "image.transform",
      "lowerBound",
      "maxPoolWithArgmax",
      "raggedGather",
      "raggedRange",
      "raggedTensorToTensor",
      "searchSorted",
      "sparseFillEmptyRows",
      "sparseReshape",
      "sparseSegmentMean",
      "sparseSegmentSum",
      "stringNGrams",
      "stringSplit",
      "stringToHashBucketFast",
      "upperBound",
    ],
  },
  {
    reason: "tfjs-node's fused convolution has the layout NHWC alone",
    specs: ["basic", "im2row", "batch"].map((name) => `fused conv2d test-tensorflow {} ${name} in NCHW`),
  },
  {
    reason: "TensorFlow's operation does not take the dtype",
    specs: [
      "diag test-tensorflow {} bool",
      "leakyrelu test-tensorflow {} int32",
      "step kernel test-tensorflow {} with int32 tensor",
      ...["greater", "greaterEqual", "less", "lessEqual"].map((op) => `${op} test-tensorflow {} should support string`),
    ],
  },
  {
    reason: "TensorFlow's ScatterNd demands shapes that these specs, made for tfjs's own backends, do not have",
    specs: [
      "should work for 2d",
      "should work for simple 1d",
      "should work for multiple 1d",
      "should sum the duplicated indices",
      "should work for tensorLike input",
    ].map((name) => `scatterND test-tensorflow {} ${name}`),
  },
  {
    reason: "TensorFlow gives NaN as the sign of NaN, and tfjs 0",
    specs: ["basic", "does not propagate NaNs", "accepts a tensor-like"].map(
      (name) => `sign test-tensorflow {} ${name}`,
    ),
  },
  {
    reason: "TensorFlow accepts the equation, which the spec expects to be refused",
    specs: [
      "einsum test-tensorflow {} 2d matrix calculate trace: duplicate axes not implemented yet",
      "einsum test-tensorflow {} nonexistent dimension throws error",
    ],
  },
  {
    reason: "TensorFlow refuses an output of no size",
    specs: ["avgPool3d test-tensorflow {} x=[1,1,1,1,1] f=[1,1,3] s=1 p=valid"],
  },
  {
    reason: "oneDNN answers that it could not make the primitive",
    specs: ["conv2dTranspose test-tensorflow {} input=8x8x8,output=4x4x8,f=8,s=1,inDepth=8,p=same vec4"],
  },
  {
    reason: "TensorFlow's Multinomial draws on from a hidden state; the same seed does not give the same draw twice",
    specs: ["multinomial test-tensorflow {} creates the same data given the same seed"],
  },
  {
    reason: "TensorFlow's tangent is one unit in the last place away near a pole",
    specs: ["tan test-tensorflow {} numbers exceed float32 precision"],
  },
  {
    reason: "TensorFlow counts each NaN as a value of its own, and tfjs all as one",
    specs: ["unique test-tensorflow {} 1d tensor with NaN and Infinity"],
  },
];
