import type { CardArtifact } from "@peco/report";
import { describe, expect, it } from "vitest";
import { compareArtifacts, worst } from "./compare-cards.ts";

const digest = (letter: string) => letter.repeat(64);
const artifact = (stage: string, letter: string, loss: number, file = letter): CardArtifact => ({
  ...{ stage, seed: "1", key: digest("0"), artifact: digest(letter), kind: stage, seconds: 1 },
  blobs: { "weights.safetensors": { digest: digest(file), bytes: 3 }, "same.json": { digest: digest("5"), bytes: 1 } },
  figures: { loss, steps: 3 },
});
const before = [artifact("data", "a", 1), artifact("codebook", "b", 2)];

describe("a repetition", () => {
  it("is identical where every artifact has the same digest", () => {
    const stages = compareArtifacts(before, before, 0);
    expect(worst(stages)).toBe("identical");
    expect(stages).toMatchObject([
      { largest: null, files: [] },
      { largest: null, files: [] },
    ]);
  });

  it("is within tolerance by the figure that differs most, and names the files that differ", () => {
    const stages = compareArtifacts(before, [artifact("data", "a", 1), artifact("codebook", "c", 2.02)], 0.05);
    expect(worst(stages)).toBe("within tolerance");
    expect(stages[1]).toMatchObject({ verdict: "within tolerance", files: ["weights.safetensors"] });
    expect(stages[1]?.largest).toMatchObject({ figure: "loss", before: 2, now: 2.02 });
    expect(stages[1]?.largest?.relative).toBeCloseTo(0.02 / 2.02, 12);
  });

  it("is different where a figure is further off, or is not there, or the stage is not", () => {
    expect(worst(compareArtifacts(before, [before[0] as CardArtifact, artifact("codebook", "c", 3)], 0.05))).toBe(
      "different",
    );
    const without = { ...artifact("codebook", "c", 2), figures: {} };
    expect(worst(compareArtifacts(before, [before[0] as CardArtifact, without], 0.05))).toBe("different");
    expect(worst(compareArtifacts(before, [before[0] as CardArtifact], 0.05))).toBe("different");
  });
});
