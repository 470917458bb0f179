import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type HostArray, hostArray, jit, random, State, TensorFlowError, TreeError, tf } from "./index.ts";

const leaves = () => ({
  a: tf.tensor2d([[1, 2]]),
  b: [hostArray("int32", [3], Int32Array.of(1, 2, 3)), hostArray("bool", [2], Uint8Array.of(1, 0))],
  c: 0.5,
});

it("copies a tree and gives it back, as tensors and as arrays by path", async () => {
  const tree = leaves();
  await using state = State.of(tree);
  tree.a.dispose();
  expect(await state.snapshot()).toEqual({
    a: { dtype: "float32", shape: [1, 2], data: Float32Array.of(1, 2) },
    "b.0": { dtype: "int32", shape: [3], data: Int32Array.of(1, 2, 3) },
    "b.1": { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) },
    c: { dtype: "float32", shape: [], data: Float32Array.of(0.5) },
  });
  const before = tf.memory().numTensors;
  const tensors = state.tensors();
  expect([...tf.add(tensors.a, 1).dataSync()]).toEqual([2, 3]);
  tf.dispose(tensors as never);
  expect(tf.memory().numTensors).toBe(before + 1); // the sum
});

it("is replaced by a tree of the same form alone", async () => {
  await using state = State.of({ w: tf.zeros([2]), n: 1 });
  await state.assign({ w: hostArray("float32", [2], Float32Array.of(5, 6)), n: 2 });
  expect((await state.snapshot())["w"]?.data).toEqual(Float32Array.of(5, 6));
  await expect(state.assign({ w: tf.zeros([3]), n: 2 })).rejects.toThrow(
    new TreeError('state leaf "w" is float32[2], and float32[3] was given'),
  );
  await expect(state.assign({ n: 2 })).rejects.toThrow(/"w" is missing/);
});

it("is not read while a step runs on it, and not used after it was disposed", async () => {
  const state = State.of({ w: tf.ones([300, 300]) as tf.Tensor });
  const step = jit<{ w: tf.Tensor }, object, object>(
    ({ w }) => ({ state: { w: tf.matMul(w as tf.Tensor2D, w as tf.Tensor2D) }, metrics: {} }),
    { name: "busy", compiler: "graph" },
  );
  const running = step.run(state, {}, random.key(0));
  const disposed = state.dispose();
  await running;
  await disposed;
  await state.dispose();
  expect(() => state.tensors()).toThrow(TensorFlowError);
  await expect(state.snapshot()).rejects.toThrow("FAILED_PRECONDITION: the state was disposed");
  await expect(step.run(state, {}, random.key(0))).rejects.toThrow(/disposed/);

  await using other = State.of({ w: tf.ones([300, 300]) as tf.Tensor });
  const again = step.run(other, {}, random.key(0));
  expect(() => other.tensors()).toThrow(/being changed by a step/);
  await again;
});

it.each([
  [{ w: hostArray("uint8", [1], Uint8Array.of(1)) }, 'state leaf "w" is uint8; a state holds float32, int32 and bool'],
  [{ w: tf.tensor1d(["text"]) }, 'state leaf "w" is string'],
  [{ w: { dtype: "float32", shape: [2], data: new Float32Array(3) } as HostArray }, '"w": shape [2] needs 2 elements'],
  [{ w: "text" as unknown as number }, '"w" is neither a tensor nor a host array nor a number'],
])("refuses a leaf %#", (tree, message) => expect(() => State.of(tree)).toThrow(message));

it("gives its memory back", async () => {
  const resident = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
  const once = async () => {
    await using state = State.of({ w: hostArray("float32", [5_000_000], new Float32Array(5_000_000)) });
    await state.snapshot();
  };
  await once();
  const before = resident();
  for (let i = 0; i < 20; i++) await once();
  // Twenty states of 20 MB: a leak would be 400 MB, and arrays that wait for the garbage collector are less than half of that.
  expect(resident() - before).toBeLessThan(200);
});
