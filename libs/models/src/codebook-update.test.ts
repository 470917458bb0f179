import { random, tf, valueAndGrad } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { expectEqual, readFixture } from "../test/fixture.ts";
import { nearestCodes, quantise, startCodebook } from "./codebook.ts";
import { codeStatistics, restartDeadCodes, updateCodebook } from "./codebook-update.ts";
import { kMeans } from "./kmeans.ts";
import { unitRows } from "./moco-loss.ts";

const reference = readFixture("codebook-variants");
const [rows, codes, weights] = ["rows", "codes", "weights"].map((name) => reference(name) as tf.Tensor2D) as [
  tf.Tensor2D,
  tf.Tensor2D,
  tf.Tensor2D,
];
const decay = 0.9;

describe("codes of length 1", () => {
  const kind = { codes: "ema", unitLength: true } as const;
  const vectors = reference("unitVectors") as tf.Tensor2D;
  const indices = reference("unitIndices") as tf.Tensor1D;

  it("turn towards their latents as BEiT v2's do, and stay where nothing chose them", () => {
    const book = startCodebook(vectors, 3, kind);
    expect(book.sums).toBeUndefined();
    const latents = unitRows(rows);
    expect(nearestCodes(latents, vectors).arraySync()).toEqual(indices.arraySync());
    const next = updateCodebook(book, codeStatistics(latents, indices, 12), { ...kind, decay, smoothing: 0 });
    expectEqual(next.vectors, reference("unitNext"));
    expectEqual(next.counts, tf.add(2.7, tf.mul(reference("unitBins"), 0.1)));
    const bins = reference("unitBins").dataSync();
    bins.forEach((bin, code) => {
      if (bin > 0) return;
      expectEqual(tf.slice(next.vectors, code, 1), tf.slice(vectors, code, 1), 0);
    });
    const drawn = tf.gather(latents, tf.range(0, 12, 1, "int32"));
    const restarted = restartDeadCodes(next, drawn, { below: 0.9, evenLoad: 40 / 12 });
    expect(restarted.sums).toBeUndefined();
    expectEqual(tf.sum(tf.square(restarted.vectors), 1), tf.ones([12]), 1e-6);
  });

  it("send gradients through the latents' normalisation", () => {
    const { aux, grad } = valueAndGrad((z: tf.Tensor2D) => {
      const { quantised, commitment } = quantise(unitRows(z), vectors);
      const loss = tf.add<tf.Scalar>(tf.sum(tf.mul(quantised, weights)), tf.mul(commitment, 0.25));
      return { loss, aux: { commitment } };
    })(rows);
    expectEqual(aux.commitment, reference("unitCommitment"));
    expectEqual(grad, reference("unitGradient"));
  });

  it("start at the centres of NumPy's spherical k-means", () => {
    const points = unitRows(rows);
    const start = tf.gather(points, reference("draws") as tf.Tensor1D);
    expectEqual(kMeans(points, start, 10, { unitLength: true }), reference("centres"));
  });
});

describe("codes that are learned", () => {
  it("have PyTorch's gradients, with beta on the commitment", () => {
    const { aux, grad } = valueAndGrad((p: { z: tf.Tensor2D; e: tf.Tensor2D }) => {
      const { quantised, commitment, codebook, indices } = quantise(p.z, p.e, { learned: true });
      const terms: tf.Scalar[] = [
        tf.sum(tf.mul(quantised, weights)),
        tf.mul(commitment, 0.25),
        tf.mul(codebook as tf.Scalar, 0.7),
      ];
      return { loss: tf.addN<tf.Scalar>(terms), aux: { commitment, codebook: codebook as tf.Scalar, indices } };
    })({ z: rows, e: codes });
    expect(aux.indices.arraySync()).toEqual(reference("learnedIndices").arraySync());
    expectEqual(aux.commitment, reference("learnedCommitment"));
    expectEqual(aux.codebook, reference("learnedCodebook"));
    expectEqual(grad.z, reference("learnedLatentsGradient"));
    expectEqual(grad.e, reference("learnedCodesGradient"));
  });

  it("are left to the optimizer by the averages, which only count", () => {
    const book = startCodebook(codes, 3, { codes: "gradient", unitLength: false });
    const statistics = codeStatistics(rows, reference("learnedIndices") as tf.Tensor1D, 12);
    const next = updateCodebook(book, statistics, { codes: "gradient", unitLength: false, decay, smoothing: 0 });
    expectEqual(next.vectors, codes, 0);
    expect(tf.sum<tf.Scalar>(next.counts).arraySync()).toBeCloseTo(0.9 * 36 + 0.1 * 40, 4);
  });
});

describe("the statistics of a batch", () => {
  it("are the sum of those of its parts", () => {
    const latents = random.normal(random.key(1), [60, 4]) as tf.Tensor2D;
    const indices = random.integers(random.key(2), [60], 0, 7) as tf.Tensor1D;
    const whole = codeStatistics(latents, indices, 7);
    const parts = [0, 20, 40].map((at) =>
      codeStatistics(tf.slice(latents, [at, 0], [20, -1]), tf.slice(indices, at, 20), 7),
    );
    expectEqual(tf.addN(parts.map(({ counts }) => counts)), whole.counts, 0);
    expectEqual(tf.addN(parts.map(({ sums }) => sums)), whole.sums, 1e-6);
  });
});

describe("the search for the nearest code", () => {
  it("finds the same codes in pieces as at once", () => {
    // 2^24 distances are held at a time: 5,000 latents against 8,192 codes are three pieces
    const latents = random.normal(random.key(3), [5000, 8]) as tf.Tensor2D;
    const vectors = random.normal(random.key(4), [8192, 8]) as tf.Tensor2D;
    const found = nearestCodes(latents, vectors).dataSync();
    expect(found).toHaveLength(5000);
    for (const first of [0, 2048, 4096]) {
      const some = tf.slice(latents, [first, 0], [64, -1]);
      const all = tf.sum(tf.squaredDifference(tf.expandDims(some, 1), vectors), 2);
      expect([...found.subarray(first, first + 64)]).toEqual([...tf.argMin(all, 1).dataSync()]);
    }
  });
});
