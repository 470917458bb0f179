import type { Recipe, StageName } from "@peco/recipes";
import { countFlops } from "tfjs-libtensorflow";
import { type Accelerator, utilisation } from "./hardware.ts";
import { bytesOf, peakLiveBytes } from "./live-bytes.ts";
import { type MemoryFit, memoryFit } from "./memory-fit.ts";
import { stagePrograms } from "./stage-programs.ts";
import type { StageProgram } from "./traced-step.ts";

/** What one training stage takes, or a part of it. */
export interface StagePlan {
  readonly stage: StageName;
  /** What of the stage this is, where it trains several things; null: all of it. */
  readonly part: string | null;
  /** Of its matrix products. */
  readonly precision: Recipe["runtime"]["precision"];
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Floating-point operations of products and convolutions for one picture, forward and backward (of `evaluate`, forward), 2 per multiply-add. */
  readonly flopsPerImage: number;
  /** Optimizer steps, all networks of the stage together. */
  readonly steps: number;
  /** Pictures of a step. */
  readonly batch: number;
  /** Pictures that a device computes at a time. */
  readonly microBatch: number;
  readonly images: number;
  readonly memory: {
    /** Parameters, optimizer slots, moving averages and frozen networks. */
    readonly stateBytes: number;
    /** Sums of gradients between micro-batches. */
    readonly accumulatorBytes: number;
    /** The most that lives at once in the step of one micro-batch, in float32. */
    readonly activationBytes: number;
    readonly totalBytes: number;
  };
  /** Whether a device's memory is enough. */
  readonly fit: MemoryFit;
  /** Pictures a second and days on all devices, from the assumed utilisation. */
  readonly imagesPerSecond: { readonly low: number; readonly high: number };
  readonly days: { readonly low: number; readonly high: number };
}

/** What an experiment takes, without running anything of it. */
export interface Plan {
  readonly stages: readonly StagePlan[];
  /** Days of all stages together. */
  readonly days: { readonly low: number; readonly high: number };
}

/** On what an experiment is to run. */
export interface Fleet {
  readonly accelerator: Accelerator;
  readonly devices: number;
  /** Classes of the pictures. */
  readonly classes: number;
}

/**
 * Parameters, operations, memory and time of every stage of a recipe that trains, be it an evaluation's classifiers. The steps are traced as the trainers would, on shapes
 * alone, and counted. Time is an assumption: a share of the accelerators' peak, given as a range.
 */
export function plan(recipe: Recipe, fleet: Fleet): Plan {
  const stages = stagePrograms(recipe, fleet.classes, fleet.devices).map((each) => {
    const stage = stagePlan(each, fleet);
    return { ...stage, fit: memoryFit(stage, recipe, fleet.accelerator.memoryBytes) };
  });
  const sum = (end: "low" | "high") => stages.reduce((days, stage) => days + stage.days[end], 0);
  return { stages, days: { low: sum("low"), high: sum("high") } };
}

function stagePlan(stage: StageProgram, { accelerator, devices }: Fleet): Omit<StagePlan, "fit"> {
  const { program, state, frozen, trained, microBatch, batch, steps, precision } = stage;
  const bytes = (values: typeof state) => Object.values(values).reduce((sum, value) => sum + bytesOf(value), 0);
  const ofTrained = Object.fromEntries(Object.entries(state).filter(([path]) => path.startsWith(trained)));
  const perStep = batch / devices > microBatch;
  const memory = {
    stateBytes: bytes(state) + bytes(frozen),
    accumulatorBytes: perStep ? bytes(ofTrained) : 0,
    activationBytes: peakLiveBytes(program),
  };
  const flopsPerImage = countFlops(program) / microBatch;
  const images = steps * batch;
  const rate = (share: number) => (devices * accelerator.peak[precision] * share) / flopsPerImage;
  const days = (share: number) => images / rate(share) / 86_400;
  return {
    stage: stage.stage,
    part: stage.part,
    precision,
    parameters: bytes(ofTrained) / 4,
    flopsPerImage,
    steps,
    batch,
    microBatch,
    images,
    memory: { ...memory, totalBytes: memory.stateBytes + memory.accumulatorBytes + memory.activationBytes },
    imagesPerSecond: { low: rate(utilisation.low), high: rate(utilisation.high) },
    days: { low: days(utilisation.high), high: days(utilisation.low) },
  };
}
