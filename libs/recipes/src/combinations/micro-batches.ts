import type { Recipe } from "../schema.ts";
import { type Rule, says } from "./rule.ts";

const mixed = (r: Recipe): boolean => r.finetune.mixup > 0 || r.finetune.cutmix > 0;

/** What can be computed in parts with the result of the whole batch. */
export const microBatchRules: readonly Rule[] = [
  ...(["codebook", "pretrain", "finetune"] as const).map(
    (stage): Rule => ({
      paths: [`${stage}.microBatch`, `${stage}.batch`],
      problem: (r) => {
        const { microBatch, batch } = r[stage];
        return says(
          microBatch !== null && batch % microBatch !== 0,
          `a batch of ${batch} is no whole number of micro-batches of ${microBatch}`,
        );
      },
    }),
  ),
  {
    paths: ["pretrain.lossMean", "pretrain.microBatch"],
    problem: ({ pretrain: { lossMean, microBatch } }) =>
      says(lossMean === "micro-batches" && microBatch === null, "there are none without pretrain.microBatch"),
  },
  {
    paths: ["codebook.microBatch", "codebook.adversarial"],
    problem: ({ codebook: { microBatch, adversarial } }) =>
      says(
        microBatch !== null && adversarial !== null,
        "the adversarial weight is a ratio of two gradients of the whole batch, and the discriminator's batch norms see the whole batch: micro-batches cannot give the same",
      ),
  },
  {
    paths: ["finetune.batch", "finetune.mixGroup", "finetune.mixup", "finetune.cutmix"],
    problem: (r) => {
      const group = r.finetune.mixGroup ?? r.finetune.batch;
      return says(mixed(r) && group % 2 !== 0, `mixup and cutmix pair pictures, and ${group} is odd`);
    },
  },
  {
    paths: ["finetune.mixGroup", "finetune.batch"],
    problem: ({ finetune: { mixGroup, batch } }) =>
      says(
        mixGroup !== null && batch % mixGroup !== 0,
        `a batch of ${batch} is no whole number of groups of ${mixGroup}`,
      ),
  },
  {
    paths: ["finetune.microBatch", "finetune.mixGroup", "finetune.batch", "finetune.mixup", "finetune.cutmix"],
    problem: (r) => {
      const { microBatch, mixGroup, batch } = r.finetune;
      const group = mixGroup ?? batch;
      if (!mixed(r) || microBatch === null) return null;
      return (
        says(microBatch % 2 !== 0, `mixup and cutmix pair pictures, and ${microBatch} is odd`) ??
        says(
          group % microBatch !== 0 && microBatch % group !== 0,
          `of ${microBatch} pictures that are computed at a time and groups of ${group} that are mixed, neither divides the other`,
        )
      );
    },
  },
];
