import { fold, key, root, stream } from "@peco/random";
import { jit, random, State, type tf } from "tfjs-libtensorflow";
import { expect, it } from "vitest";

/** The contract of docs/architecture.md that no library can test alone: host and program draw the same numbers. */
const seed = 0xfedcba9876543210n;

it("a key folded on the host and in the runtime is the same, and so are its uniforms", async () => {
  expect(random.fold(random.key(seed), "stage", 7, -1)).toEqual(fold(key(seed), "stage", 7, -1));
  expect(random.root(random.fold(random.key(seed), "stage"))).toEqual(root(fold(key(seed), "stage")));
  const numbers = random.uniform(random.fold(random.key(seed), "stage", 7), [37]);
  const host = stream(fold(key(seed), "stage", 7));
  expect([...(await numbers.data())]).toEqual(Array.from({ length: 37 }, () => host.uniform()));
  numbers.dispose();
});

it.each(["graph", "xla"] as const)(
  "a program compiled by %s draws the numbers of its root key, folded inside",
  async (compiler) => {
    const step = jit(
      (state: { x: tf.Scalar }, _batch: null, k: random.Key) => ({
        state,
        metrics: { drawn: random.uniform(random.fold(k, "inside"), [37]) as tf.Tensor1D },
      }),
      { name: "draw", compiler },
    );
    await using state = State.of({ x: 0 });
    const { drawn } = await step.run(state, null, random.fold(random.key(seed), 3));
    const host = stream(fold(root(fold(key(seed), 3)), "inside"));
    expect([...drawn.data]).toEqual(Array.from({ length: 37 }, () => host.uniform()));
    step.dispose();
  },
);
