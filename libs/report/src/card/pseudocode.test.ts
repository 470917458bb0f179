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
