import { describe, expect, it } from "vitest";
import { RecipeError } from "../errors.ts";
import { loadRecipe } from "../load.ts";

/** What is wrong with `small` so changed, all of it. */
function problems(sets: readonly string[]): string[] {
  try {
    loadRecipe("small", { sets });
    return [];
  } catch (error) {
    if (error instanceof RecipeError) return error.problems.map(({ path, reason }) => `${path}: ${reason}`);
    throw error;
  }
}

const adversarial = "codebook.adversarial={ weight: 0.8, startStep: 2, channels: 4, layers: 2 }";

describe("parts of a batch", () => {
  it.each<[string[], string]>([
    [["codebook.microBatch=24"], "codebook.microBatch: a batch of 64 is no whole number of micro-batches of 24"],
    [["pretrain.microBatch=24"], "pretrain.microBatch: a batch of 64 is no whole number of micro-batches of 24"],
    [["finetune.microBatch=64"], "finetune.microBatch: a batch of 32 is no whole number of micro-batches of 64"],
    [["pretrain.lossMean=micro-batches"], "pretrain.lossMean: there are none without pretrain.microBatch"],
    [
      ["codebook.microBatch=32", adversarial],
      "codebook.microBatch: the adversarial weight is a ratio of two gradients of the whole batch, and the discriminator's batch norms see the whole batch: micro-batches cannot give the same",
    ],
    [["finetune.batch=31", "finetune.mixup=0.8"], "finetune.batch: mixup and cutmix pair pictures, and 31 is odd"],
    [
      ["finetune.batch=30", "finetune.mixGroup=15", "finetune.cutmix=1"],
      "finetune.batch: mixup and cutmix pair pictures, and 15 is odd",
    ],
    [["finetune.mixGroup=24"], "finetune.mixGroup: a batch of 32 is no whole number of groups of 24"],
    [
      ["finetune.batch=30", "finetune.microBatch=15", "finetune.mixup=0.8"],
      "finetune.microBatch: mixup and cutmix pair pictures, and 15 is odd",
    ],
    [
      ["finetune.batch=48", "finetune.microBatch=16", "finetune.mixGroup=24", "finetune.cutmix=1"],
      "finetune.microBatch: of 16 pictures that are computed at a time and groups of 24 that are mixed, neither divides the other",
    ],
  ])("cannot be with %j", (sets, problem) => {
    expect(problems(sets)).toEqual([problem]);
  });

  it.each<[string[]]>([
    [["codebook.microBatch=16", "pretrain.microBatch=32", "finetune.microBatch=32"]],
    [["pretrain.lossMean=micro-batches", "pretrain.microBatch=64"]],
    [[adversarial]],
    [["finetune.batch=31"]],
    [["finetune.batch=30", "finetune.microBatch=15"]],
    [["finetune.batch=48", "finetune.microBatch=16", "finetune.mixGroup=24"]],
    [["finetune.batch=48", "finetune.microBatch=12", "finetune.mixGroup=24", "finetune.cutmix=1"]],
    [["finetune.batch=48", "finetune.microBatch=24", "finetune.mixGroup=12", "finetune.mixup=0.8"]],
  ])("can be with %j", (sets) => {
    expect(problems(sets)).toEqual([]);
  });
});
