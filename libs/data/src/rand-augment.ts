import type { Stream } from "@peco/random";
import { z } from "zod";
import type { Fill } from "./affine.ts";
import type { Picture } from "./picture.ts";
import { operations } from "./rand-augment-operations.ts";
import { roundHalfEven } from "./round-half-even.ts";

const byte = z.int().min(0).max(255);

/** RandAugment as a recipe has it: timm's `rand-m9-mstd0.5-inc1` is `{ operations: 2, magnitude: 9, deviation: 0.5 }`. */
export const randAugmentOptions = z.strictObject({
  /** Drawn for each picture, with replacement; each is then carried out with probability 1/2. */
  operations: z.int().min(1),
  magnitude: z.number().min(0).max(10),
  /** Of the magnitude, which is normally distributed, cut to [0, 10], and drawn anew for each operation. */
  deviation: z.number().min(0),
  /** Colour of what comes from outside the picture. */
  fill: z.tuple([byte, byte, byte]),
});

/** See {@link randAugmentOptions}. */
export type RandAugmentOptions = z.infer<typeof randAugmentOptions>;

/** Name of an operation. */
export type OperationName = keyof typeof operations;

/** The operations in timm's order. */
export const operationNames = Object.keys(operations) as OperationName[];

/** An operation with what was drawn for it. */
export interface DrawnOperation {
  readonly operation: OperationName;
  /** 0 to 10. */
  readonly level: number;
  /** Direction, for operations that have two. */
  readonly sign: 1 | -1;
}

/** The colour that timm fills with: the mean of the normalisation, in units of [0, 1]. */
export function fillOf(mean: readonly [number, number, number]): [number, number, number] {
  return mean.map((value) => Math.min(255, roundHalfEven(255 * value))) as [number, number, number];
}

/** Draws the operations that a picture goes through: mostly one or two, none for a quarter of the pictures. */
export function drawRandAugment(draws: Stream, options: Omit<RandAugmentOptions, "fill">): DrawnOperation[] {
  const chosen = Array.from({ length: options.operations }, () => draws.integer(0, operationNames.length - 1));
  return chosen.flatMap((which) => {
    if (!draws.bernoulli(0.5)) return [];
    const level = Math.max(0, Math.min(draws.normal(options.magnitude, options.deviation), 10));
    return [{ operation: operationNames[which] as OperationName, level, sign: draws.bernoulli(0.5) ? 1 : -1 } as const];
  });
}

/** Carries out an operation on a picture, in place. */
export function augment(picture: Picture, { operation, level, sign }: DrawnOperation, fill: Fill): void {
  operations[operation](picture, level, sign, fill);
}
