import { readFileSync } from "node:fs";
import fc from "fast-check";
import { tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { decaysByDefault, dropPathRates, layerWiseLrDecay, lrSchedule, warmupCosine } from "../src/index.ts";
import { relativeDistance } from "./fixture.ts";

const fixture = JSON.parse(readFileSync(new URL("../fixtures/schedules.json", import.meta.url), "utf8"));

describe("schedules", () => {
  for (const { form, values, ...schedule } of fixture.schedules) {
    it(`${form} with ${schedule.warmupSteps} of ${schedule.steps} steps agrees with NumPy`, () => {
      const at = warmupCosine({ ...schedule, form });
      expect(
        relativeDistance(
          values.map((_: number, step: number) => at(step)),
          values,
        ),
      ).toBeLessThan(1e-12);
    });
  }

  it("a recipe's shares are of the steps and of the rate", () => {
    const lr = lrSchedule({ lr: 2e-3, warmup: 0.1, finalLrShare: 0.01 }, 2400);
    const same = warmupCosine({ base: 2e-3, final: 2e-5, steps: 2400, warmupSteps: 240 });
    for (const step of [0, 1, 239, 240, 1000, 2399]) expect(lr(step)).toBe(same(step));
    const beit = lrSchedule({ lr: 2e-3, warmup: 0.1, warmupForm: "beit", finalLrShare: 0 }, 2400);
    expect([beit(0), beit(239), beit(240)]).toEqual([0, 2e-3, 2e-3]);
  });

  it("stays within 0 and base, rises in the warm-up and falls after it", () => {
    const cases = fc.record({
      steps: fc.integer({ min: 1, max: 500 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      form: fc.constantFrom("plain" as const, "moco-v3" as const, "beit" as const),
    });
    fc.assert(
      fc.property(cases, ({ steps, share, form }) => {
        const warmupSteps = Math.floor(share * steps);
        const at = warmupCosine({ base: 1, final: 0.1, steps, warmupSteps, form });
        const values = Array.from({ length: steps }, (_, step) => at(step));
        values.forEach((value, step) => {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          const before = values[step - 1];
          if (before === undefined || step === warmupSteps) return;
          if (step < warmupSteps) expect(value).toBeGreaterThan(before);
          else expect(value).toBeLessThan(before);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a warm-up longer than the schedule", () => {
    expect(() => warmupCosine({ base: 1, steps: 10, warmupSteps: 11 })).toThrow(
      "a warm-up of 11 steps does not fit into 10",
    );
  });
});

describe("rules by layer", () => {
  it.each([0, 1])("layer decay agrees with BEiT's (%i)", (which) => {
    const { depth, decay, values } = fixture.layerDecay[which];
    expect(values).toHaveLength(depth + 2);
    const at = (path: string) => layerWiseLrDecay(path, depth, decay);
    for (const path of ["classToken", "maskToken", "positions", "patchEmbedding.weight", "patchEmbedding.bias"]) {
      expect(at(path)).toBeCloseTo(values[0], 12);
      expect(at(`vit.${path}`)).toBeCloseTo(values[0], 12);
    }
    for (let block = 0; block < depth; block++) {
      expect(at(`blocks.${block}.attention.qkv.weight`)).toBeCloseTo(values[block + 1], 12);
      expect(at(`vit.blocks.${block}.norm1.scale`)).toBeCloseTo(values[block + 1], 12);
    }
    for (const path of ["norm.scale", "head.weight", "relativePositions"]) expect(at(path)).toBe(1);
  });

  it("drop path rises linearly, as BEiT's linspace", () => {
    const { rate, depth, values } = fixture.dropPath;
    expect(relativeDistance(dropPathRates(rate, depth), values)).toBeLessThan(1e-12);
    expect(dropPathRates(0.3, 1)).toEqual([0]);
  });

  it("biases, norms, class token and positions do not decay; mask token and relative positions do", () => {
    const decays = (path: string, ...shape: number[]) => decaysByDefault({ path, tensor: tf.zeros(shape) });
    expect(decays("blocks.0.mlp.in.weight", 4, 8)).toBe(true);
    expect(decays("maskToken", 1, 1, 8)).toBe(true);
    expect(decays("relativePositions", 12, 4)).toBe(true);
    expect(decays("blocks.0.mlp.in.bias", 8)).toBe(false);
    expect(decays("blocks.0.norm1.scale", 8)).toBe(false);
    expect(decays("blocks.0.layerScale1", 8)).toBe(false);
    expect(decays("vit.classToken", 1, 1, 8)).toBe(false);
    expect(decays("positions", 1, 5, 8)).toBe(false);
  });
});
