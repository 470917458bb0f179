import { type Division, partPlaces } from "@peco/data";
import { type Compiler, type HostArray, mapTree, random, State, type Tree, tf } from "tfjs-libtensorflow";
import { expect } from "vitest";
import { type Contribution, compileStep, type DivisibleStep, type HostBatch } from "../src/index.ts";

/** The rows of a host batch's arrays at some places. */
export function rowsOf(batch: HostBatch, places: Int32Array): HostBatch {
  return Object.fromEntries(
    Object.entries(batch).map(([name, array]) => {
      const row = array.data.length / (array.shape[0] as number);
      const data = array.data.slice(0, places.length * row);
      places.forEach((place, i) => {
        data.set(array.data.subarray(place * row, (place + 1) * row) as never, i * row);
      });
      return [name, { ...array, shape: [places.length, ...array.shape.slice(1)], data } as HostArray];
    }),
  );
}

/** Runs a step three times and gives its metrics, and all that its first batch contributed, by path. */
export async function stepped<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>>(
  step: DivisibleStep<S, M, N>,
  initial: S,
  batch: HostBatch,
  { division, compiler = "graph" }: { division: Division | null; compiler?: Compiler },
) {
  const runner = compileStep(step, { name: "step", compiler, division });
  const take = async (part: number) => (division === null ? batch : rowsOf(batch, partPlaces(division, part)));
  const metrics = [];
  await using state = State.of(initial) as unknown as State<S>;
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    const at = { hyper: { lr: 1e-3 }, key: random.fold(random.key(9), i) };
    metrics.push(await runner.run(state, take, at));
    counts.push(tf.memory().numTensors);
  }
  expect(new Set(counts).size, "tensors left behind").toBe(1);
  const flops = runner.flops();
  runner.dispose();
  return {
    metrics,
    flops,
    given: await contributed(step, initial, { take, division, compiler }),
    state: await state.snapshot(),
  };
}

/** The contribution of the whole batch as the update sees it, by path. */
async function contributed<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>>(
  { contribution }: DivisibleStep<S, M, N>,
  initial: S,
  how: { take: (part: number) => Promise<HostBatch>; division: Division | null; compiler: Compiler },
): Promise<Record<string, HostArray>> {
  let seen: Contribution<M, N> | undefined;
  // Twice: once to know the shapes of what is to be kept.
  type Kept = { readonly own: S; readonly seen: Contribution<M, N> | null };
  const keeping: DivisibleStep<Kept, M, N> = {
    contribution: ({ own }, batch, key) => {
      seen = contribution(own, batch, key);
      return seen;
    },
    update: (state, whole) => ({
      state: { ...state, seen: state.seen === null ? null : whole },
      metrics: { loss: tf.scalar(0), finite: tf.scalar(1) },
    }),
  };
  const at = { hyper: { lr: 1e-3 }, key: random.fold(random.key(9), 0) };
  const run = async (kept: Kept) => {
    const runner = compileStep(keeping, { name: "kept", compiler: how.compiler, division: how.division });
    await using state = State.of(kept) as unknown as State<Kept>;
    await runner.run(state, how.take, at);
    runner.dispose();
    return state.snapshot();
  };
  await run({ own: initial, seen: null });
  const zeros = tf.tidy(
    () =>
      mapTree<unknown, tf.Tensor>(seen, (leaf) =>
        tf.zeros((leaf as tf.Tensor).shape, (leaf as tf.Tensor).dtype as "float32"),
      ) as never,
  );
  const snapshot = await run({ own: initial, seen: zeros });
  tf.dispose(zeros);
  return Object.fromEntries(
    Object.entries(snapshot).flatMap(([path, leaf]) => (path.startsWith("seen.") ? [[path.slice(5), leaf]] : [])),
  );
}

/** Largest difference of two trees of arrays, each as a share of its largest value, and where. */
export function distance(
  a: Record<string, HostArray>,
  b: Record<string, HostArray>,
): { largest: number; path: string } {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  let worst = { largest: 0, path: "" };
  for (const [path, { data }] of Object.entries(b)) {
    const other = a[path]?.data as ArrayLike<number>;
    let difference = 0;
    let size = 0;
    (data as Float32Array).forEach((value, i) => {
      difference = Math.max(difference, Math.abs(value - (other[i] as number)));
      size = Math.max(size, Math.abs(value));
    });
    const largest = size === 0 ? difference : difference / size;
    if (!(largest <= worst.largest)) worst = { largest, path };
  }
  return worst;
}

/**
 * Holds a step in parts equal to the step of the whole batch: all that is given by the first batch, per tensor to 1e-5 of its
 * largest value, but for `weight`, and the metrics of three steps.
 */
export async function expectSameInParts<S, M extends Tree<tf.Tensor>, N extends Tree<tf.Tensor>>(
  step: DivisibleStep<S, M, N>,
  initial: S,
  batch: HostBatch,
  division: Division,
  compiler: Compiler = "graph",
): Promise<void> {
  const whole = await stepped(step, initial, batch, { division: null, compiler });
  const parts = await stepped(step, initial, batch, { division, compiler });
  const { weight: _, ...wanted } = whole.given;
  const { weight: __, ...given } = parts.given;
  expect(whole.flops).toBeGreaterThan(0);
  expect(parts.flops).toBe(whole.flops);
  const far = distance(given, wanted);
  expect(far.largest, `contribution ${far.path}`).toBeLessThanOrEqual(1e-5);
  parts.metrics.forEach((metrics, i) => {
    for (const [name, value] of Object.entries(metrics)) {
      const expected = whole.metrics[i]?.[name] as number;
      expect(Math.abs(value - expected), `${name} of step ${i}`).toBeLessThanOrEqual(
        1e-5 * Math.max(1, Math.abs(expected)),
      );
    }
  });
}
