import { readFileSync } from "node:fs";
import { decodeSafetensors, type HostArray, jit, random, State, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { epochRate, initProbes, type ProbeState, probeStep } from "./adamw-probe.ts";

const url = new URL("../fixtures/linear-evaluation.safetensors", import.meta.url);
const { tensors } = decodeSafetensors(readFileSync(url));
const fixture = (name: string) => tensors[name] as HostArray<"float32">;
const number = (name: string) => fixture(name).data[0] as number;
const [widths, classes, weightDecay, steps] = [[12, 20], 5, 0.1, 3];

/** The largest difference as a share of the largest value. */
function distance(found: HostArray, wanted: HostArray): number {
  const largest = Math.max(...wanted.data.map(Math.abs));
  return Math.max(...wanted.data.map((value, i) => Math.abs(value - (found.data[i] as number)))) / largest;
}

describe("the linear evaluation by AdamW", () => {
  it.each(["graph", "xla"] as const)("takes PyTorch's three steps, compiled by %s", async (compiler) => {
    const before = tf.memory().numTensors;
    const { probes, slots } = initProbes(random.key(1), { widths, classes, weightDecay });
    const start = widths.map((_, kind) => ({
      weight: fixture(`start.${kind}.weight`),
      bias: fixture(`start.${kind}.bias`),
    }));
    {
      await using state = State.of({ probes: start, slots }) as unknown as State<ProbeState>;
      tf.dispose([probes, slots] as unknown as tf.TensorContainer);
      // The pictures are the two kinds' features side by side.
      const of = (images: tf.Tensor4D) => tf.split(tf.reshape(images, [8, 32]), widths, 1) as tf.Tensor2D[];
      const step = jit(probeStep({ widths, of }, weightDecay), { name: "probe", compiler });
      for (let at = 0; at < steps; at++) {
        const rows = widths.map((_, kind) => fixture(`rows.${at}.${kind}`));
        const sides = Float32Array.from({ length: 8 * 32 }, (_, i) => {
          const [row, column] = [Math.floor(i / 32), i % 32];
          return (column < 12 ? rows[0]?.data[row * 12 + column] : rows[1]?.data[row * 20 + column - 12]) as number;
        });
        const images: HostArray = { dtype: "float32", shape: [8, 1, 32, 1], data: sides };
        const lr = epochRate(4e-3, at, steps);
        expect(lr).toBeCloseTo(number(`lr.${at}`), 9);
        const batch = { data: { images, labels: fixture(`labels.${at}`) as HostArray }, hyper: { lr } };
        const { loss, finite } = await step.run(state, batch, random.key(0));
        expect(loss).toBeCloseTo((number(`loss.${at}.0`) + number(`loss.${at}.1`)) / 2, 5);
        expect(finite).toBe(1);
      }
      const found = await state.snapshot();
      for (const kind of widths.keys()) {
        for (const part of ["weight", "bias"])
          expect(distance(found[`probes.${kind}.${part}`] as HostArray, fixture(`end.${kind}.${part}`))).toBeLessThan(
            1e-5,
          );
      }
      step.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("starts with weights of deviation .01 and without biases", async () => {
    const { probes } = initProbes(random.key(2), { widths: [400], classes: 50, weightDecay });
    const weights = (await probes[0]?.weight.data()) as Float32Array;
    const square = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    expect(Math.sqrt(square)).toBeCloseTo(0.01, 4);
    expect((await probes[0]?.bias?.data())?.every((value) => value === 0)).toBe(true);
  });
});
