import type { Stream } from "@peco/random";
import { z } from "zod";
import { brightness, chroma, contrast, hue, saturation } from "./colour.ts";

const share = z.number().min(0).max(1);

/** How far colours change, as torchvision's `ColorJitter` has it: factors `U(1 - x, 1 + x)`, hue turned by `U(-hueDegrees, hueDegrees)`. */
export const jitterOptions = z.strictObject({
  brightness: share,
  contrast: share,
  saturation: share,
  hueDegrees: z.number().min(0).max(180),
  /** What is turned: HSV's hue, or the chroma about the grey axis. */
  hue: z.enum(["hsv", "chroma"]),
});

/** See {@link jitterOptions}. */
export type JitterOptions = z.infer<typeof jitterOptions>;

const changes = {
  hsv: [brightness, contrast, saturation, hue],
  chroma: [brightness, contrast, saturation, chroma],
} as const;

/** What was drawn: values of brightness, contrast, saturation and hue (a share of the circle; null: stays), and the order in which they come. */
export interface Jitter {
  readonly values: readonly [brightness: number, contrast: number, saturation: number, hue: number | null];
  /** Places in `values`. */
  readonly order: readonly number[];
  readonly hue: JitterOptions["hue"];
}

/** Draws factors and order. */
export function drawJitter(draws: Stream, options: JitterOptions): Jitter {
  const factor = (strength: number) => draws.uniform(1 - strength, 1 + strength);
  const factors = [factor(options.brightness), factor(options.contrast), factor(options.saturation)] as const;
  const turn = draws.uniform(-options.hueDegrees, options.hueDegrees) / 360;
  return {
    // The way to HSV and back costs precision even where nothing turns.
    values: [...factors, options.hueDegrees === 0 ? null : turn],
    order: draws.shuffle([0, 1, 2, 3]),
    hue: options.hue,
  };
}

/** Changes the colours of a picture, `uint8 [pixels, 3]`, in place; contrast is measured against the mean of all its pixels. */
export function applyJitter(pixels: Uint8Array, { values, order, hue: turned }: Jitter): void {
  for (const which of order) {
    const value = values[which];
    if (value != null) changes[turned][which]?.(pixels, value);
  }
}
