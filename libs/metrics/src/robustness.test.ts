import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Corruption, corruptionError, corruptions, meanCorruptionError } from "./robustness.ts";

interface Fixture {
  errors: Record<Corruption, number[]>;
  corruptionErrors: Record<Corruption, number>;
  mce: number;
}
const url = new URL("../fixtures/robustness.json", import.meta.url);
const { errors, corruptionErrors, mce }: Fixture = JSON.parse(readFileSync(url, "utf8"));

describe("errors on ImageNet-C", () => {
  it("are divided by AlexNet's and averaged as NumPy does", () => {
    expect(corruptions).toHaveLength(15);
    const found = Object.fromEntries(corruptions.map((name) => [name, corruptionError(name, errors[name])]));
    for (const name of corruptions) expect(found[name]).toBeCloseTo(corruptionErrors[name], 12);
    expect(meanCorruptionError(found)).toBeCloseTo(mce, 12);
  });

  it("are 1 for AlexNet itself, whatever its errors at each severity", () => {
    expect(corruptionError("snow", [0.866816 - 0.1, 0.866816, 0.866816 + 0.1])).toBeCloseTo(1, 12);
  });

  it("have no mean where a corruption is missing", () => expect(meanCorruptionError({ snow: 1 })).toBeNull());
});
