import fc from "fast-check";
import { tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { type Codebook, codeCounts, nearestCodes, quantise, startCodebook } from "./codebook.ts";
import { codebookPerplexity, codebookUsage } from "./codebook-metrics.ts";
import { codeStatistics, restartDeadCodes, updateCodebook } from "./codebook-update.ts";

const reference = readFixture("codebook");
const latents = reference("latents") as tf.Tensor2D;
const indices = reference("indices") as tf.Tensor1D;
const draws = reference("draws") as tf.Tensor1D;
const codebook: Codebook = {
  vectors: reference("vectors") as tf.Tensor2D,
  counts: reference("counts") as tf.Tensor1D,
  sums: reference("sums") as tf.Tensor2D,
};

/** A step of a plain codebook. */
function moved(
  book: Codebook,
  z: tf.Tensor2D,
  chosen: tf.Tensor1D,
  options: { decay: number; smoothing: number },
): Codebook & { sums: tf.Tensor2D } {
  const statistics = codeStatistics(z, chosen, book.vectors.shape[0]);
  return updateCodebook(book, statistics, { codes: "ema", unitLength: false, ...options }) as Codebook & {
    sums: tf.Tensor2D;
  };
}

describe("quantise", () => {
  it("finds the nearest codes", () => {
    expect(nearestCodes(latents, codebook.vectors).arraySync()).toEqual(indices.arraySync());
    expect(nearestCodes(latents, codebook.vectors).dtype).toBe("int32");
  });

  it("passes gradients straight through and pulls latents to their codes", () => {
    const weights = reference("weights");
    const { aux, grad } = valueAndGrad((z: tf.Tensor2D) => {
      const { quantised, commitment } = quantise(z, codebook.vectors);
      return {
        loss: tf.add<tf.Scalar>(tf.sum(tf.mul(quantised, weights)), tf.mul(commitment, 0.25)),
        aux: { quantised, commitment },
      };
    })(latents);
    expectEqual(aux.quantised, reference("quantised"));
    expectEqual(aux.commitment, reference("commitment"));
    expectEqual(grad, reference("latentsGradient"));
  });
});

describe("the codebook's step", () => {
  it("moves averages and codes", () => {
    const next = moved(codebook, latents, indices, { decay: 0.9, smoothing: 0 });
    expectEqual(next.vectors, reference("nextVectors"));
    expectEqual(next.counts, reference("nextCounts"));
    expectEqual(next.sums, reference("nextSums"));
  });

  it("smooths counts by Laplace's rule where asked", () => {
    const next = moved(codebook, latents, indices, { decay: 0.9, smoothing: 1e-2 });
    expectEqual(next.vectors, reference("smoothVectors"));
    expectEqual(next.counts, reference("nextCounts"));
  });

  it("restarts dead codes at the drawn latents", () => {
    const next = moved(codebook, latents, indices, { decay: 0.9, smoothing: 0 });
    const restarted = restartDeadCodes(next, tf.gather(latents, draws), { below: 0.25, evenLoad: 40 / 12 });
    expectEqual(restarted.vectors, reference("restartedVectors"));
    expectEqual(restarted.counts, reference("restartedCounts"));
    expectEqual(restarted.sums as tf.Tensor, reference("restartedSums"));
  });

  it("leaves a code without any load where it is", () => {
    const unloaded: Codebook = {
      ...codebook,
      counts: tf.zerosLike(codebook.counts),
      sums: tf.zerosLike(codebook.sums as tf.Tensor2D),
    };
    const next = moved(unloaded, latents, tf.zerosLike(indices), { decay: 0.9, smoothing: 0 });
    expect(tf.slice(next.vectors, 1).arraySync()).toEqual(tf.slice(codebook.vectors, 1).arraySync());
  });

  it("measures usage and perplexity", () => {
    const counts = codeCounts(indices, 12);
    expectEqual(codebookUsage(counts), reference("usage"));
    expectEqual(codebookPerplexity(counts), reference("perplexity"));
  });
});

describe("laws of the codebook", () => {
  const batches = fc.record({
    codes: fc.integer({ min: 2, max: 9 }),
    rows: fc.integer({ min: 1, max: 30 }),
    decay: fc.double({ min: 0.1, max: 0.99, noNaN: true }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  const start = (codes: number, seed: number, load: number) =>
    startCodebook(tf.randomNormal([codes, 3], 0, 1, "float32", seed) as tf.Tensor2D, load);
  const batch = (rows: number, seed: number) => tf.randomNormal([rows, 3], 0, 2, "float32", seed + 1) as tf.Tensor2D;

  it("keeps the total load when a batch has as many latents as the load says", () => {
    fc.assert(
      fc.property(batches, ({ codes, rows, decay, seed }) => {
        const book = start(codes, seed, rows / codes);
        const z = batch(rows, seed);
        const next = moved(book, z, nearestCodes(z, book.vectors), { decay, smoothing: 0 });
        expect(tf.sum<tf.Scalar>(next.counts).arraySync() / rows).toBeCloseTo(1, 5);
        const mass = tf.add(tf.mul(tf.sum(book.sums as tf.Tensor2D, 0), decay), tf.mul(tf.sum(z, 0), 1 - decay));
        expectEqual(tf.sum(next.sums, 0), mass, 1e-4);
      }),
      { numRuns: 30 },
    );
  });

  it("never touches a living code in a restart", () => {
    fc.assert(
      fc.property(batches, ({ codes, rows, decay, seed }) => {
        const z = batch(rows, seed);
        const book = start(codes, seed, rows / codes);
        const before = moved(book, z, nearestCodes(z, book.vectors), { decay, smoothing: 0 });
        const below = 0.5;
        const draws = tf.randomUniform([codes], 0, rows, "int32", seed) as tf.Tensor1D;
        const after = restartDeadCodes(before, tf.gather(z, draws), { below, evenLoad: rows / codes });
        const counts = before.counts.arraySync();
        counts.forEach((count, code) => {
          const dead = count < Math.fround((below * rows) / codes);
          const row = (
            dead ? z.arraySync()[draws.arraySync()[code] as number] : before.vectors.arraySync()[code]
          ) as number[];
          expect(after.vectors.arraySync()[code]).toEqual(row);
          if (!dead) expect(after.sums?.arraySync()[code]).toEqual(before.sums.arraySync()[code]);
          expect(after.counts.arraySync()[code]).toBe(dead ? Math.fround((2 * below * rows) / codes) : count);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("keeps usage within (0, 1] and perplexity between 1 and the number of codes in use", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(50), { minLength: 2, maxLength: 40 }).filter((c) => c.some((n) => n > 0)),
        (c) => {
          const counts = tf.tensor1d(c, "float32");
          const used = c.filter((n) => n > 0).length;
          const perplexity = codebookPerplexity(counts).arraySync();
          expect(codebookUsage(counts).arraySync()).toBeCloseTo(used / c.length, 5);
          expect(perplexity).toBeGreaterThanOrEqual(1 - 1e-5);
          expect(perplexity).toBeLessThanOrEqual(used * (1 + 1e-5));
        },
      ),
      { numRuns: 50 },
    );
    expect(codebookPerplexity(tf.fill([16], 3)).arraySync()).toBeCloseTo(16, 4);
  });
});
