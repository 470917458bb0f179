import { checkRecipe, type Recipe, RecipeError } from "@peco/recipes";
import type { StagePlan } from "./plan.ts";

/** Whether a stage fits into the memory of a device. */
export interface MemoryFit {
  /** Bytes that the device has. */
  readonly deviceBytes: number;
  readonly fits: boolean;
  /** What to change where it does not fit; null where it does. */
  readonly remedy: string | null;
}

/** What is known of a stage to tell what would make it smaller. */
type Sized = Pick<StagePlan, "stage" | "microBatch" | "batch" | "parameters" | "memory">;

/** The parts of the recipe that are computed in micro-batches, by stage. */
const divided: Partial<Record<StagePlan["stage"], "codebook" | "pretrain" | "finetune">> = {
  codebook: "codebook",
  pretrain: "pretrain",
  finetune: "finetune",
  "finetune-from-scratch": "finetune",
};

/**
 * Compares what a stage is estimated to take with a device's memory. What the runtime needs beside it is not known, so that a stage which
 * barely fits may not.
 */
export function memoryFit(stage: Sized, recipe: Recipe, deviceBytes: number): MemoryFit {
  const fits = stage.memory.totalBytes <= deviceBytes;
  return { deviceBytes, fits, remedy: fits ? null : remedyOf(stage, recipe, deviceBytes) };
}

function remedyOf(stage: Sized, recipe: Recipe, deviceBytes: number): string {
  const { stateBytes } = stage.memory;
  const larger = "take an accelerator with more memory (--gpu)";
  if (stateBytes >= deviceBytes) return `its state alone is too large: ${larger}, or a smaller network`;
  const ways = [fewerPictures(stage, recipe, deviceBytes)];
  if (stage.stage !== "codebook" && stage.stage !== "evaluate" && recipe.runtime.recompute === "none")
    ways.push("set runtime.recompute=blocks, which costs time");
  return [...ways, larger].join(", or ");
}

/** How a device would compute fewer pictures at a time. */
function fewerPictures(stage: Sized, recipe: Recipe, deviceBytes: number): string {
  const own = divided[stage.stage];
  const size = own === undefined ? null : fittingMicroBatch(stage, deviceBytes);
  if (own !== undefined && size !== null && isPossible({ ...recipe, [own]: { ...recipe[own], microBatch: size } }))
    return `set ${own}.microBatch=${size}`;
  const key = stage.stage === "evaluate" ? "evaluate.probe.adamw" : (own ?? "perceptualNetwork");
  return `divide ${key}.batch over more devices (--gpus)`;
}

/** Whether values can be used together: some losses need their whole batch at once, and pictures that are mixed stay together. */
function isPossible(recipe: Recipe): boolean {
  try {
    checkRecipe(recipe);
    return true;
  } catch (error) {
    if (error instanceof RecipeError) return false;
    throw error;
  }
}

/** The largest part of the batch, by halves, whose activations fit beside state and sums of gradients; null: none. */
function fittingMicroBatch({ microBatch, batch, parameters, memory }: Sized, deviceBytes: number): number | null {
  const free = deviceBytes - memory.stateBytes - 4 * parameters;
  for (let size = microBatch; size >= 1; size = Math.floor(size / 2)) {
    const activations = (memory.activationBytes / microBatch) * size;
    if (batch % size === 0 && activations <= free && size < microBatch) return size;
  }
  return null;
}
