import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Attributes, configure, devices, rawOp, TensorFlowError, tensorflowVersion, tf } from "../index.ts";
import { binding } from "./backend.ts";

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const float: Attributes = { T: { kind: "type", value: "float32" } };

/** The `TensorFlowError` that a call throws. */
function failure(call: () => unknown): TensorFlowError {
  try {
    call();
  } catch (error) {
    if (error instanceof TensorFlowError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("errors instead of crashes", () => {
  it("says code, operation and inputs when TensorFlow refuses", () => {
    const error = failure(() => rawOp("MatMul", float, [tf.zeros([2, 3]), tf.zeros([2, 3])]));
    expect(error.message).toMatch(
      /^INVALID_ARGUMENT: MatMul\(float32\[2,3\], float32\[2,3\]\): Matrix size-incompatible/,
    );
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", op: "MatMul", inputs: ["float32[2,3]", "float32[2,3]"] });
  });

  it.each<[string, () => unknown, string]>([
    ["a wrong dtype", () => rawOp("MatMul", float, [tf.zeros([2, 2], "int32"), tf.zeros([2, 2])]), "INVALID_ARGUMENT"],
    ["inputs of two dtypes", () => rawOp("AddV2", float, [tf.zeros([2]), tf.zeros([2], "int32")]), "INVALID_ARGUMENT"],
    ["an unknown operation", () => rawOp("NoSuchOperation", {}, []), "NOT_FOUND"],
    ["too few inputs", () => rawOp("MatMul", float, [tf.zeros([2, 2])]), "INVALID_ARGUMENT"],
    ["too many inputs", () => rawOp("Relu", float, [tf.zeros([2]), tf.zeros([2])]), "INVALID_ARGUMENT"],
    [
      "too few outputs asked for",
      () => rawOp("TopKV2", float, [tf.zeros([4]), tf.scalar(2, "int32")], 1),
      "INVALID_ARGUMENT",
    ],
    ["an unknown handle", () => binding.executeOp("Relu", [], [123456789], 1), "INVALID_ARGUMENT"],
    [
      "a handle that is none",
      () => binding.executeOp("Relu", [], [undefined as unknown as number], 1),
      "INVALID_ARGUMENT",
    ],
    ["reading an unknown handle", () => binding.tensorDataSync(-5), "INVALID_ARGUMENT"],
    [
      "data of the wrong length",
      () => binding.createTensor([3], binding.TF_FLOAT, new Float32Array(2)),
      "INVALID_ARGUMENT",
    ],
    ["data that is none", () => binding.createTensor([3], binding.TF_FLOAT, undefined), "INVALID_ARGUMENT"],
  ])("%s", (_, call, code) => expect(failure(call).code).toBe(code));

  it("a freed tensor", () => {
    const t = tf.add(tf.ones([2]), 1);
    t.dispose();
    expect(failure(() => tf.add(t, 1)).message).toBe(
      "FAILED_PRECONDITION: Add(float32[2], float32[]): input a was disposed and can't be used",
    );
    expect(failure(() => rawOp("Relu", float, [t])).code).toBe("FAILED_PRECONDITION");
  });
});

describe("data", () => {
  it.each([
    ["float32", [1.5, -2, 2 ** 100]],
    ["int32", [1, -2, 2147483647]],
    ["bool", [1, 0, 1]],
  ] as const)("%s comes back", (dtype, values) => {
    const t = tf.tensor1d([...values], dtype);
    expect([...tf.reverse(tf.reverse(t)).dataSync()]).toEqual([...values]);
  });

  it("strings and complex numbers come back", () => {
    const words = tf.tensor1d(["", "straße", "x".repeat(100)]);
    expect(tf.reshape(tf.expandDims(words, 0), [3]).dataSync()).toEqual(["", "straße", "x".repeat(100)]);
    const z = tf.complex([1, 2], [3, 4]);
    expect([...tf.imag(tf.mul(z, z)).dataSync()]).toEqual([6, 16]);
  });

  it("empty tensors and scalars have their shapes", () => {
    expect(tf.add(tf.zeros([0, 3]), 1).shape).toEqual([0, 3]);
    expect(tf.sum(tf.ones([3, 2])).shape).toEqual([]);
    expect([...tf.concat([tf.zeros([0, 2]), tf.ones([1, 2])]).dataSync()]).toEqual([1, 1]);
  });
});

it("frees handles with their tensors", () => {
  const before = binding.getNumOfTensors();
  tf.tidy(() => {
    for (let i = 0; i < 10; i++) tf.matMul(tf.ones([4, 4]), tf.ones([4, 4]));
  });
  expect(binding.getNumOfTensors()).toBe(before);
});

it("lists devices and knows its version; settings are fixed by then", () => {
  tf.add(1, 1);
  expect(devices()[0]).toMatchObject({ type: "CPU" });
  expect(tensorflowVersion()).toMatch(/^2\.\d+/);
  const now = configure();
  expect(configure({ intraOpThreads: now.intraOpThreads })).toEqual(now);
  expect(() => configure({ intraOpThreads: now.intraOpThreads + 1 })).toThrow(/came too late/);
  expect(() => configure({ interOpThreads: -1 })).toThrow(RangeError);
});
