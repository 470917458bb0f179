import { readFileSync } from "node:fs";
import { random, tf } from "tfjs-libtensorflow";
import { describe, expect, it } from "vitest";
import { dropPath, kaimingUniform, truncatedNormal, xavierUniform } from "../src/index.ts";

const fixture = JSON.parse(readFileSync(new URL("../fixtures/schedules.json", import.meta.url), "utf8"));
const key = random.key(5n);
const draws = 40_000;

describe("initialisers", () => {
  for (const { std, bound, deviation, quantiles } of fixture.truncatedNormal) {
    it(`truncated normal ${std} at ±${bound} has SciPy's deviation and quantiles`, () => {
      const values = Float32Array.from(truncatedNormal(key, [draws], std, bound).dataSync()).sort();
      expect(Math.max(-(values[0] as number), values.at(-1) as number)).toBeLessThanOrEqual(bound * (1 + 1e-6));
      const real = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / draws);
      // Five standard errors of a deviation, at most deviation / sqrt(2 draws), and of a quantile in its flattest part.
      expect(Math.abs(real - deviation)).toBeLessThan((5 * deviation) / Math.sqrt(2 * draws));
      quantiles.forEach((quantile: number, i: number) => {
        expect(Math.abs((values[Math.round((i + 1) * 0.05 * draws)] as number) - quantile)).toBeLessThan(
          0.06 * deviation,
        );
      });
    });
  }

  it("xavier and kaiming are uniform within their bounds", () => {
    for (const [values, bound] of [
      [xavierUniform(key, [draws], 30, 10), Math.sqrt(6 / 40)],
      [kaimingUniform(key, [draws], 25), 1 / 5],
      [kaimingUniform(key, [draws], 6, 0), 1],
    ] as const) {
      const data = values.dataSync().toSorted();
      expect(data[0]).toBeGreaterThanOrEqual(-bound);
      expect(data.at(-1)).toBeLessThanOrEqual(bound);
      for (const share of [0.001, 0.25, 0.5, 0.75, 0.999]) {
        expect(Math.abs((data[Math.round(share * draws)] as number) - bound * (2 * share - 1))).toBeLessThan(
          0.03 * bound,
        );
      }
    }
  });
});

describe("drop path", () => {
  it("is timm's on given draws, x / keep · floor(keep + u), and a part has those of the whole", () => {
    const [batch, tokens, rate] = [64, 2, 0.3];
    const x = tf.tensor2d(
      Float32Array.from({ length: batch * tokens }, (_, i) => 1 + i),
      [batch * tokens, 1],
    );
    const draws = random.uniform(key, [batch]).dataSync();
    const dropped = dropPath(key, x, tokens, rate).dataSync();
    dropped.forEach((value, i) => {
      const u = draws[Math.floor(i / tokens)] as number;
      expect(value).toBeCloseTo(((1 + i) / (1 - rate)) * Math.floor(1 - rate + u), 4);
    });
    const places = tf.tensor1d([5, 40, 2], "int32");
    const rows = tf.tensor1d([10, 11, 80, 81, 4, 5], "int32");
    const part = dropPath(key, tf.gather(x, rows), tokens, rate, { of: batch, places });
    expect(part.dataSync()).toEqual(tf.gather(tf.tensor1d(dropped), rows).dataSync());
  });

  it("drops whole samples at its rate and keeps the mean", () => {
    const [batch, tokens, width] = [2000, 2, 3];
    const kept = dropPath(key, tf.ones([batch * tokens, width]), tokens, 0.3);
    const samples = (tf.reshape(kept, [batch, tokens * width]).arraySync() as number[][]).map((row) => new Set(row));
    expect(samples.every((values) => values.size === 1)).toBe(true);
    const alive = samples.filter((values) => !values.has(0));
    expect([...(alive[0] as Set<number>)][0]).toBeCloseTo(1 / 0.7, 5);
    expect(Math.abs(alive.length / batch - 0.7)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / batch));
  });

  it("a rate of 0 is the identity", () => {
    const x = tf.ones([4, 3]) as tf.Tensor2D;
    expect(dropPath(key, x, 2, 0)).toBe(x);
  });
});
