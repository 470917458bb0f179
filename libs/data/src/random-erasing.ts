import type { Stream } from "@peco/random";
import type { Box } from "./resize.ts";
import { roundHalfEven } from "./round-half-even.ts";

const AREA = [0.02, 1 / 3] as const;
const LEAST_ASPECT = 0.3;
const ATTEMPTS = 10;

/**
 * Draws the part of a picture that is erased (Zhong et al. 2017) as timm's `RandomErasing` does: a share of the area, uniform in
 * [.02, 1/3], height / width uniform in the logarithm in [.3, 1/.3], smaller than the picture both ways. A box without pixels: nothing is
 * erased, which is the case with probability 1 - `probability`, and where ten boxes did not fit.
 */
export function drawErasure(draws: Stream, height: number, width: number, probability: number): Box {
  if (draws.bernoulli(probability)) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const area = draws.uniform(...AREA) * height * width;
      const aspect = draws.logUniform(LEAST_ASPECT, 1 / LEAST_ASPECT);
      const rows = roundHalfEven(Math.sqrt(area * aspect));
      const columns = roundHalfEven(Math.sqrt(area / aspect));
      if (rows >= height || columns >= width) continue;
      const top = draws.integer(0, height - rows);
      return { top, left: draws.integer(0, width - columns), height: rows, width: columns };
    }
  }
  return { top: 0, left: 0, height: 0, width: 0 };
}
