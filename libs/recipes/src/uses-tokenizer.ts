import type { Recipe } from "./schema.ts";

/** Whether anything takes a tokenizer's tokens: only pre-training that predicts them, where fine-tuning starts from that. */
export const usesTokenizer = ({ finetune, pretrain }: Pick<Recipe, "finetune" | "pretrain">): boolean =>
  finetune.start === "pretrained" && pretrain.target === "tokens";
