import { expect, it } from "vitest";
import { pseudocode } from "./pseudocode.ts";

it("counts the steps of training from scratch, which may be others than those of fine-tuning", () => {
  const steps = (fromScratchSteps: number | null) =>
    pseudocode(["finetune", "finetune-from-scratch"], { finetune: { steps: 600, fromScratchSteps } }).map(({ lines }) =>
      lines
        .find((line) => line.includes(" steps: "))
        ?.match(/\d+ steps/)
        ?.at(0),
    );
  expect(steps(null)).toEqual(["600 steps", "600 steps"]);
  expect(steps(2400)).toEqual(["600 steps", "2400 steps"]);
});

it("says what the codebook's loss is made of and how codes move, as the recipe has it", () => {
  const lines = (codebook: object) =>
    pseudocode(["codebook"], {
      codebook: { source: "vq", commitment: 0.25, decay: 0.97, codebookWeight: 1, ...codebook },
    })
      .flatMap((stage) => stage.lines)
      .join("\n");
  const adversarial = { weight: 0.8, startStep: 250, channels: 16, layers: 2 };
  const learned = lines({ codes: "gradient", loss: { pixel: 1, perceptual: 0 }, adversarial });
  expect(learned).toContain("minimise 1 * pixels(x, x') + 0.25 * |z - e|^2 + 1 * |e - z|^2 + 0.8 * adaptive weight");
  expect(learned).toContain("codes are learned like weights");
  expect(learned).not.toContain("0.97");
  const averages = lines({ codes: "ema", loss: { pixel: 0.1, perceptual: 1, layers: [2, 3] }, adversarial: null });
  expect(averages).toContain("0.1 * pixels(x, x') + 1 * distance of F's layers [2,3] + 0.25 * |z - e|^2, AdamW");
  expect(averages).toContain("moving averages of their latents, decay 0.97");
});
