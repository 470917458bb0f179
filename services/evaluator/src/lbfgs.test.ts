import { key, stream } from "@peco/random";
import { describe, expect, it } from "vitest";
import { minimize, type ValueAndGradient } from "./lbfgs.ts";

const tight = { gradientTolerance: 1e-9, valueTolerance: 0 };

describe("minimize", () => {
  it("finds the minimum of a badly scaled quadratic", async () => {
    const scales = Float64Array.from({ length: 30 }, (_, i) => 10 ** ((2 * i) / 29));
    const quadratic = async (x: Float64Array): Promise<ValueAndGradient> => ({
      value: x.reduce((sum, xi, i) => sum + 0.5 * (scales[i] as number) * (xi - i) ** 2, 0),
      gradient: x.map((xi, i) => (scales[i] as number) * (xi - i)),
    });
    const { point, iterations } = await minimize(quadratic, new Float64Array(30), tight);
    point.forEach((xi, i) => {
      expect(Math.abs(xi - i)).toBeLessThan(1e-8);
    });
    expect(iterations).toBeLessThan(125); // SciPy's L-BFGS-B, with as many pairs, takes 107
  });

  it("minimises a logistic regression to a vanishing gradient, in few steps", async () => {
    const s = stream(key(1));
    const rows = Array.from({ length: 200 }, () => Array.from({ length: 5 }, () => s.normal()));
    const signs = rows.map((row) => ((row[0] as number) - 0.5 * (row[3] as number) + s.normal() > 0 ? 1 : -1));
    const logistic = async (w: Float64Array): Promise<ValueAndGradient> => {
      let value = 0.05 * w.reduce((sum, wi) => sum + wi * wi, 0);
      const gradient = w.map((wi) => 0.1 * wi);
      rows.forEach((row, n) => {
        const margin = (signs[n] as number) * row.reduce((sum, x, i) => sum + x * (w[i] as number), 0);
        value += Math.log1p(Math.exp(-margin)) / rows.length;
        const pull = (signs[n] as number) / (1 + Math.exp(margin)) / rows.length;
        row.forEach((x, i) => {
          gradient[i] = (gradient[i] as number) - pull * x;
        });
      });
      return { value, gradient };
    };
    const { point, iterations } = await minimize(logistic, new Float64Array(5), tight);
    const { gradient } = await logistic(point);
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-8);
    expect(iterations).toBeLessThan(25);
  });

  it("stops where it starts when that is the minimum, and when no step helps", async () => {
    const flat = async (x: Float64Array) => ({ value: 1, gradient: new Float64Array(x.length) });
    expect(await minimize(flat, new Float64Array(3))).toMatchObject({ iterations: 0, value: 1 });
    const wrong = async (x: Float64Array) => ({ value: x[0] as number, gradient: Float64Array.of(-1) }); // a gradient that lies
    expect(await minimize(wrong, new Float64Array(1))).toMatchObject({ iterations: 0, value: 0 });
  });
});
